"""`gitsync demo` as a person runs it: its results, and that nothing of it is left however it ends (F80)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitsync.sandbox.demo import timelines, waiting
from gitsync.sandbox.layout import Layout

WHOLE_SECONDS = 480
COMMAND = [sys.executable, "-m", "gitsync.cli.main", "demo"]


def processes_of(folder: Path) -> list[str]:
    """Processes that were started for a folder or see it mounted, by command line."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mounts = (process / "mountinfo").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile, or is a zombie without mounts
        if str(folder) in command or f"{folder}/" in mounts:
            found.append(command)
    return found


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    demo = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield demo
    finally:
        if demo.poll() is None:
            demo.terminate()
        demo.communicate()


def test_demo_upgrades_a_job_with_its_state_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [*COMMAND, "-o", "json", "--dir", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WHOLE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {
        "commit_to_applied_s",
        "applied_to_running_s",
        "upgrade_downtime_s",
        "phases",
        "state_before",
        "state_after",
        "restored_from",
        "rejected_message",
        "notes",
    }
    assert tuple(told["phases"]) == timelines.PHASES
    assert min(told["phases"].values()) >= 0
    assert sum(told["phases"].values()) == pytest.approx(told["upgrade_downtime_s"], abs=0.01)
    assert 0 < told["state_before"] < told["state_after"]
    assert "/savepoint-" in told["restored_from"]
    assert "apps/ticks.yaml:" in told["rejected_message"] and "memory" in told["rejected_message"]
    phases = [{record["phase"] for record in note["records"]} for note in told["notes"]]
    assert len(phases) == 4 and phases[1] == {"failed"}
    assert all(phase <= {"applied", "running", "stable"} for phase in (phases[0], phases[2], phases[3]))
    assert not folder.exists()
    assert processes_of(folder) == []


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_interrupted_demo_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "demo"
    with started("--dir", str(folder)) as demo:
        waiting.until(lambda: any("org.apache.flink" in each for each in processes_of(folder)), "a JVM", seconds=180)
        demo.send_signal(number)
        demo.wait(60)
        assert demo.returncode == (130 if number != signal.SIGKILL else -number)
    waiting.until(lambda: not processes_of(folder), "nothing left of the demo", seconds=30)


@pytest.mark.full
def test_kept_demo_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [*COMMAND, "--keep", "--dir", str(folder)], capture_output=True, text=True, check=False, timeout=WHOLE_SECONDS
    )
    try:
        assert done.returncode == 0, done.stderr
        sandbox = Layout(folder / "sandbox")
        assert f"export KUBECONFIG={sandbox.kubeconfig}" in done.stdout
        status = [sys.executable, "-m", "gitsync.cli.main", "status"]
        kept = subprocess.run(
            status,
            env=os.environ | {"KUBECONFIG": str(sandbox.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert kept.returncode == 0 and "RUNNING" in kept.stdout
        again = subprocess.run([*COMMAND, "--dir", str(folder)], capture_output=True, text=True, check=False)
        assert again.returncode == 3 and "still runs" in again.stderr, "a second demo does not disturb the kept one"
    finally:
        subprocess.run([sys.executable, "-m", "gitsync.cli.main", "sandbox", "reset", "--dir", str(folder / "sandbox")])
    assert processes_of(folder) == []
