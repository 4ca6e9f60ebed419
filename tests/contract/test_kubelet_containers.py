"""One container without a cluster: exit codes, failures to start, and who ends with whom."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitsync.sandbox.containers import processes
from gitsync.sandbox.containers.processes import End
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.images import thisimage

DEADLINE_S = 90.0
CALLER = """
import sys, time
from pathlib import Path
from gitsync.sandbox.containers import processes
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.images import thisimage
image = thisimage.image("gitsync")
spec = ContainerSpec(image, ("sleep", sys.argv[2]), dict(image.environment), Path(sys.argv[1]), "h", "/", 1, 1,
                     own_network=True, ends_with_caller=True)
process = processes.start(spec, None, Path(sys.argv[1]) / "log")
process.entered(["true"])  # waits until the program runs: the tie exists from then on
print(process.pid, flush=True)
time.sleep(600)
"""


def run(folder: Path, *argv: str) -> tuple[End, str]:
    image = thisimage.image("gitsync")
    spec = ContainerSpec(image, argv, dict(image.environment), folder, "host", "/", 7, 8, own_network=True)
    ended: queue.SimpleQueue[End] = queue.SimpleQueue()
    process = processes.start(spec, None, folder / "log")
    process.watch(ended.put)
    return ended.get(timeout=DEADLINE_S), (folder / "log").read_text()


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 42", 42), ("sh -c 'kill -TERM $$'", 143), ("kill -9 $$; exit 5", 5)]
)
def test_exit_codes(tmp_path: Path, script: str, code: int) -> None:
    """The last one: process 1 of a container cannot kill itself, as in any container."""
    assert run(tmp_path, "sh", "-c", script)[0] == End(code)


def test_a_program_that_is_not_there_never_ran(tmp_path: Path) -> None:
    end, _ = run(tmp_path, "/no/such")
    assert end.exit_code == 128
    assert "/no/such" in end.failure


def test_identity_and_isolation(tmp_path: Path) -> None:
    _, output = run(tmp_path, "sh", "-c", "id -u; id -g; hostname; echo $$; ip -o link | wc -l; ls /work /home 2>&1")
    assert output.splitlines()[:5] == ["7", "8", "host", "1", "1"]


STARTER = """
import dataclasses, json, sys
from pathlib import Path
from gitsync.sandbox.containers import processes
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.images import thisimage
folder = Path(sys.argv[1])
image = thisimage.image("gitsync")
spec = ContainerSpec(image, ("sh", "-c", sys.argv[2]), dict(image.environment), folder, "h", "/", 1, 1,
                     own_network=True)
run = processes.start(spec, None, folder / "log").run
print(json.dumps([dataclasses.astuple(run.program), dataclasses.astuple(run.monitor)]))
"""


def adopted(folder: Path, script: str) -> processes.Process:
    """A container whose starter has ended."""
    said = subprocess.check_output([sys.executable, "-c", STARTER, str(folder), script], text=True)
    program, monitor = (processes.Identity(*words) for words in json.loads(said))
    return processes.adopt(processes.Run(program, monitor, folder, folder / "log", {}))


def end_of(process: processes.Process) -> End:
    ended: queue.SimpleQueue[End] = queue.SimpleQueue()
    process.watch(ended.put)
    return ended.get(timeout=DEADLINE_S)


def test_a_container_outlives_its_starter_and_tells_its_exit_code_to_the_next(tmp_path: Path) -> None:
    process = adopted(tmp_path, "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done")
    while "up" not in (tmp_path / "log").read_text():
        time.sleep(0.02)
    process.signal(signal.SIGTERM)
    assert end_of(process) == End(9)
    again = processes.adopt(process.run)
    assert end_of(again) == End(9)
    again.signal(signal.SIGTERM)  # to nobody, without an error


def test_without_its_monitor_a_container_is_ended_and_its_end_is_called_lost(tmp_path: Path) -> None:
    process = adopted(tmp_path, "exec sleep 600")
    os.kill(process.run.monitor.pid, signal.SIGKILL)
    assert end_of(process) == End(137, lost=True)
    deadline = time.monotonic() + DEADLINE_S
    while process.run.program.is_alive():
        assert time.monotonic() < deadline, "the program runs on"
        time.sleep(0.02)


def test_a_container_can_be_made_to_end_with_its_caller(tmp_path: Path) -> None:
    mark = f"600.{time.time_ns()}"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(tmp_path), mark], stdout=subprocess.PIPE, text=True)
    with caller:
        assert caller.stdout is not None
        assert int(caller.stdout.readline()) > 0
        caller.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_S
    while subprocess.run(["pgrep", "-f", mark], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline, "the container outlived its caller"
        time.sleep(0.02)
