"""A sandbox as its users meet it, the command line, and what it may leave behind: nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_S = 90.0
BUILD_DEADLINE_S = 1500.0  # the first `up` of a machine builds the control plane


def gitsync(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=BUILD_DEADLINE_S)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Sandbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"

    def call(self, verb: str, *arguments: str, text: str | None = None) -> str:
        done = gitsync(verb, "--dir", str(self.folder), *arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self) -> None:
        self.call("up", "--no-kubelet")

    def status(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.call("status", "-o", "json"))
        return document

    def pid(self, name: str) -> int:
        state = json.loads((self.folder / "state.json").read_text())
        number: int = state["pids"][name]
        return number

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        return self.call("kubectl", *arguments, text=text)


def namespaces_of(pid: int) -> set[str]:
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt", "pid")}


def inhabitants(namespaces: set[str]) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if namespaces & {os.readlink(folder / "ns" / kind) for kind in ("net", "mnt", "pid")}:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def processes_naming(folder: Path) -> list[int]:
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in cmdline.read_bytes():
                found.append(int(cmdline.parent.name))
        except OSError:
            continue
    return found


def assert_nothing_left(folder: Path, namespaces: set[str]) -> None:
    until(lambda: not inhabitants(namespaces), "processes stayed in the sandbox's namespaces")
    until(lambda: not processes_naming(folder), "processes of the sandbox stayed")
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()
