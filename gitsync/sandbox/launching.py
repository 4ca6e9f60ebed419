"""Brings a sandbox up and down: prepares its folder, starts its supervisor, waits, and reports on the way.

Everything that lasts is the supervisor's; this module runs in the command that a person typed and can end at
any time.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox import building, caches, errors, isolation, namespaces, prebuilt, processes, states
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.isolation import Isolation
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress

POLL_S = 0.05
DOWN_DEADLINE_S = 45.0
LINKS = (layouts.ETCD, layouts.API_SERVER, layouts.CONTROLLER_MANAGER, "kubectl", "certificates")


@dataclass(frozen=True, slots=True)
class Options:
    """What `up` is asked for; with `lifeline` the sandbox ends with the process that brought it up."""

    dir: Path
    kubelet: bool = True
    lifeline: bool = False
    isolation: str = isolation.NAMESPACES


def default_dir() -> Path:
    """The folder of the sandbox that is meant when none is named."""
    return caches.cache_dir() / "sandbox"


def up(options: Options, progress: Progress) -> subprocess.Popen[bytes] | None:
    """Return when the sandbox is up; its supervisor, or None when it ran already.

    Raises SandboxError when it cannot be, and then nothing of it is left running.
    """
    layout = Layout(options.dir.resolve())
    _check_place(layout)
    if states.is_supervised(layout):
        _join(layout, options, progress)
        return None
    way = isolation.ready(options.isolation, options.kubelet, progress)
    found = prebuilt.find(progress) if way.name == isolation.NAMESPACES else None
    _prepare(layout, found or dict.fromkeys((building.PROGRAM, *LINKS), building.control_plane(progress)))
    supervisor = _spawn(layout, options, way)
    try:
        _follow(layout, progress, lambda: supervisor.poll() is None, supervisor.pid)
    except BaseException:
        if supervisor.poll() is None:
            supervisor.terminate()
        supervisor.wait()
        raise
    return supervisor


def down(layout: Layout, progress: Progress) -> bool:
    """End the sandbox and wait until nothing of it runs; False when nothing did."""
    if not states.is_supervised(layout):
        return False
    with progress.stage("stop the sandbox"):
        state = states.read(layout)
        supervisor = state.pids.get("supervisor", 0)
        if supervisor:
            processes.kill(supervisor, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_DEADLINE_S
        while states.is_supervised(layout):
            if time.monotonic() > deadline:
                processes.kill(supervisor, signal.SIGKILL)
                deadline = time.monotonic() + DOWN_DEADLINE_S
            time.sleep(POLL_S)
        _await_gone(state.pids.get("unshare", 0))
    return True


def reset(layout: Layout, progress: Progress) -> bool:
    """End the sandbox and delete its folder; False when there was none."""
    down(layout, progress)
    if not layout.dir.exists():
        return False
    if not layout.state.exists():
        raise errors.SandboxError(f"{layout.dir} is no sandbox's folder (no state.json); nothing was deleted")
    with progress.stage(f"delete {layout.dir}"):
        remove_tree(layout.dir)
    return True


def remove_tree(folder: Path) -> None:
    """Delete a folder in which pods may have left directories without permissions."""
    for path, names, _ in os.walk(folder):
        for name in names:
            below = os.path.join(path, name)
            if not os.path.islink(below):
                os.chmod(below, stat.S_IRWXU)
    shutil.rmtree(folder)


def _check_place(layout: Layout) -> None:
    if layout.dir.is_relative_to("/run"):
        raise errors.SandboxError(f"{layout.dir} lies in /run, which is private in a sandbox; name another --dir")


def _prepare(layout: Layout, programs: Mapping[str, Path]) -> None:
    try:
        for folder in (layout.dir, layout.bin, layout.pods, layout.images, layout.dir / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        for name in {building.PROGRAM, *LINKS} - set(programs):
            (layout.bin / name).unlink(missing_ok=True)
        for name, program in programs.items():
            scratch = layout.bin / f".{name}"
            scratch.unlink(missing_ok=True)
            scratch.symlink_to(program)
            scratch.rename(layout.bin / name)
        for log in (layout.dir / "logs").glob("*.log"):
            log.rename(log.with_suffix(".log.previous"))
    except OSError as error:
        raise errors.SandboxError(f"{layout.dir} cannot hold a sandbox: {error}; name another --dir") from error


def _spawn(layout: Layout, options: Options, way: Isolation) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gitsync.sandbox.supervisor", "--dir", str(layout.dir)]
    command += ["--isolation", way.name, *(["--user-namespace"] if way.user_namespace else [])]
    command += [] if options.kubelet else ["--no-kubelet"]
    command += ["--lifeline"] if options.lifeline else []
    with open(layout.log("supervisor"), "ab") as log:
        return subprocess.Popen(
            command,
            env=namespaces.environment(),
            stdin=subprocess.PIPE if options.lifeline else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _join(layout: Layout, options: Options, progress: Progress) -> None:
    state = states.read(layout)
    if state.isolation != options.isolation:
        raise errors.SandboxError(
            f"the sandbox in {layout.dir} runs with isolation {state.isolation}; "
            f"`gitsync sandbox down --dir {layout.dir}` first"
        )
    if state.kubelet != options.kubelet:
        kind = "with" if state.kubelet else "without"
        raise errors.SandboxError(
            f"the sandbox in {layout.dir} runs {kind} a kubelet; `gitsync sandbox down --dir {layout.dir}` first"
        )
    _follow(layout, progress, lambda: states.is_supervised(layout), state.pids.get("supervisor", 0))


def _follow(layout: Layout, progress: Progress, is_running: Callable[[], bool], supervisor: int) -> None:
    """Show the stages of the supervisor with this process id until it is through them."""
    shown = ""
    with ExitStack() as stages:
        while True:
            running = is_running()  # before the state is read: the last word of an ended supervisor counts
            state = states.read(layout)
            mine = state.pids.get("supervisor") == supervisor
            if mine and state.phase == states.RUNNING:
                return
            if not running:
                reason = state.message if state.phase == states.FAILED else ""
                reason = reason or processes.last_line(layout.log("supervisor"))
                raise errors.SandboxError(f"the sandbox did not come up: {reason}")
            if mine and state.stage != shown:
                stages.close()
                shown = state.stage
                stages.enter_context(progress.stage(shown))
            progress.update("")
            time.sleep(POLL_S)


def _await_gone(pid: int) -> None:
    deadline = time.monotonic() + DOWN_DEADLINE_S
    while pid and processes.is_alive(pid) and time.monotonic() < deadline:
        time.sleep(POLL_S)
