import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitsync.sandbox import errors, launching, leash, ports, processes, states
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from gitsync.sandbox.states import State


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def test_state_survives_writing_and_reading(layout: Layout) -> None:
    state = State(states.RUNNING, kubelet=False, pids={"child": 7}, ports={"api": 20001}, started_at=1.5)
    states.write(layout, state)
    assert states.read(layout) == state


def test_state_of_a_newer_release_is_read_as_far_as_known(layout: Layout) -> None:
    layout.state.write_text(json.dumps({"phase": "running", "of_the_future": 1}))
    assert states.read(layout).phase == "running"


def test_no_state_is_stopped_and_a_broken_one_is_named(layout: Layout) -> None:
    assert states.read(layout).phase == states.STOPPED
    layout.state.write_text("{")
    with pytest.raises(errors.SandboxError, match=r"state\.json cannot be read"):
        states.read(layout)


def test_only_the_lock_says_that_a_supervisor_lives(layout: Layout) -> None:
    states.write(layout, State(states.RUNNING))
    assert not states.is_supervised(layout)
    with states.hold(layout):
        assert states.is_supervised(layout)
    assert not states.is_supervised(layout)


def test_second_supervisor_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "LOCK_PATIENCE_S", 0.0)
    with states.hold(layout), pytest.raises(errors.SandboxError, match="another process already runs"):
        states.hold(layout)


def test_remembered_port_is_taken_again_unless_it_is_busy() -> None:
    with closing(ports.listen(None, 20500)) as first:
        number = first.getsockname()[1]
        with closing(ports.listen(number, 20500)) as second:
            assert second.getsockname()[1] != number
    with closing(ports.listen(number, 29000)) as again:
        assert again.getsockname()[1] == number


def test_first_choice_lies_below_the_ephemeral_ports() -> None:
    choices = {ports.first_choice(f"/sandbox/{number}") for number in range(200)}
    assert len(choices) > 190
    assert all(20000 <= port < 30000 for port in choices)


def test_last_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert processes.last_line(log) == "it left no word"
    log.write_text("one\ntwo  \n\n")
    assert processes.last_line(log) == "two"


def test_reset_spares_a_folder_that_is_no_sandbox(tmp_path: Path, layout: Layout) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(errors.SandboxError, match="no sandbox's folder"):
        launching.reset(layout, Progress(sys.stdout, terminal=False))
    assert (tmp_path / "precious").exists()


def test_folder_in_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.SandboxError, match="private in a sandbox"):
        launching.up(launching.Options(Path("/run/user/1/sandbox")), Progress(sys.stdout, terminal=False))


def test_tree_with_closed_directories_is_removed(tmp_path: Path) -> None:
    closed = tmp_path / "pods/a/closed"
    closed.mkdir(parents=True)
    (closed / "file").touch()
    (tmp_path / "pods/link").symlink_to("/nonexistent")
    closed.chmod(0)
    launching.remove_tree(tmp_path / "pods")
    assert not (tmp_path / "pods").exists()


class Hand:
    """The first process of a sandbox, run here without namespaces of its own."""

    def __init__(self, control: socket.socket, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._control = control
        self._lines = control.makefile("r", encoding="utf-8")

    def send(self, **message: object) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")

    def answer(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self._lines.readline())
        return document

    def let_go(self) -> None:
        self._lines.close()
        self._control.close()


@pytest.fixture
def hand() -> Iterator[Hand]:
    control, inside = socket.socketpair()
    control.settimeout(30)
    with inside:
        command = [sys.executable, "-m", "gitsync.sandbox.inner", str(inside.fileno())]
        process = subprocess.Popen(command, pass_fds=(inside.fileno(),))
    held = Hand(control, process)
    assert held.answer() == {"ready": True}
    yield held
    held.let_go()
    process.wait(30)


def test_hand_runs_a_command_and_tells_its_words(hand: Hand) -> None:
    hand.send(run=["sh", "-c", "echo said; exit 4"])
    assert hand.answer() == {"ran": 4, "output": "said"}


def test_hand_reports_how_a_process_ended(hand: Hand, tmp_path: Path) -> None:
    log = tmp_path / "log"
    hand.send(start="part", argv=["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], log=str(log), outside=None)
    started = hand.answer()
    assert started["started"] == "part"
    assert hand.answer() == {"exited": "part", "code": 3}
    assert log.read_text().splitlines() == ["out", "err"]


def test_hand_signals_only_what_it_started(hand: Hand, tmp_path: Path) -> None:
    hand.send(start="part", argv=["/bin/sleep", "60"], log=str(tmp_path / "log"), outside=None)
    pid = hand.answer()["pid"]
    hand.send(signal=signal.SIGKILL, pid=os.getpid())
    hand.send(signal=signal.SIGTERM, pid=pid)
    assert hand.answer() == {"exited": "part", "code": -signal.SIGTERM}


def test_hand_survives_a_program_that_is_not_there(hand: Hand, tmp_path: Path) -> None:
    hand.send(start="part", argv=["/nonexistent/etcd"], log=str(tmp_path / "log"), outside=None)
    assert hand.answer() == {"started": "part", "pid": 0}
    assert hand.answer() == {"exited": "part", "code": 127}
    assert "/nonexistent/etcd cannot be started" in (tmp_path / "log").read_text()


def test_hand_ends_when_it_is_let_go(hand: Hand) -> None:
    hand.let_go()
    assert hand.process.wait(30) == 0


def test_leash_kills_the_work_and_its_children(tmp_path: Path) -> None:
    module = tmp_path / "endless.py"
    module.write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "child.wait()\n"
    )
    told = tmp_path / "pid"
    with pytest.MonkeyPatch.context() as patch, open(tmp_path / "log", "wb") as log:
        patch.setenv("PYTHONPATH", str(tmp_path))
        work = leash.start("endless", [str(told)], log)
    deadline = time.monotonic() + 30
    while not told.exists() or not told.read_text():
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.01)
    child = int(told.read_text())
    assert processes.is_alive(child)
    leash.let_go(work)
    while processes.is_alive(child):
        assert time.monotonic() < deadline, "the child outlived its leash"
        time.sleep(0.01)


def test_leash_lets_finished_work_go(tmp_path: Path) -> None:
    with open(tmp_path / "log", "wb") as log:
        work = leash.start("json.tool", ["/dev/null"], log)
    assert work.wait(30) == 1  # json.tool's word for no JSON
    leash.let_go(work)
    assert "Expecting value" in (tmp_path / "log").read_text()
