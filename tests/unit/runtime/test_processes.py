"""Which process holds something, and when it is certain not to run any more."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from operator_core.runtime import processes
from operator_core.runtime.processes import Process

POD = "0c2a1d1e-6a34-4f9e-9a53-1d2f3a4b5c6d"
MOUNTS = (
    "22 1 0:20 / / rw - overlay overlay rw\n"
    f"31 22 8:1 /var/lib/kubelet/pods/{POD}/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
    f"32 22 8:1 /var/lib/kubelet/pods/{POD}/containers/gitsync/9f0e21ab /dev/termination-log rw - ext4 /dev/sda1 rw\n"
)
FORMER = Process("gitsync-abc", "b00t", "4026", 1, "100", f"{POD}.gitsync")
AGAIN = replace(FORMER, space="4027", start="900")


def test_text_and_process_are_one() -> None:
    me = processes.this()
    assert processes.parse(str(me)) == me
    assert processes.parse(str(FORMER)) == FORMER
    assert processes.parse("host_other") is None


def test_the_container_is_read_from_what_its_kubelet_mounted() -> None:
    assert processes.container_of(MOUNTS) == f"{POD}.gitsync"
    assert processes.container_of("22 1 0:20 / / rw - overlay overlay rw\n") == ""
    other = MOUNTS.replace("containers/gitsync", "containers/other")
    assert processes.container_of(MOUNTS + other) == "", "a look at two containers tells of none"


@pytest.mark.parametrize(
    ("me", "gone"),
    [
        pytest.param(AGAIN, True, id="the same container of the same pod, started again"),
        pytest.param(replace(AGAIN, container=f"{POD}.second"), False, id="another container of the pod"),
        pytest.param(replace(AGAIN, container=POD.replace("0c", "1c") + ".gitsync"), False, id="another pod"),
        pytest.param(replace(AGAIN, pid=7), False, id="not the first process of the container"),
        pytest.param(replace(AGAIN, boot="other"), False, id="another machine"),
        pytest.param(replace(AGAIN, container=""), False, id="no container"),
    ],
)
def test_a_container_that_was_started_again_knows_that_its_former_run_is_gone(me: Process, gone: bool) -> None:
    assert processes.is_gone(FORMER, me) is gone


def test_a_process_of_this_machine_is_looked_for() -> None:
    me = processes.this()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    other = replace(me, pid=child.pid, start=processes._start(child.pid) or "")
    assert not processes.is_gone(other, me)
    child.communicate(b"\n")
    assert processes.is_gone(other, me)
    assert not processes.is_gone(replace(other, host="elsewhere"), me)
    assert os.getpid() == me.pid
