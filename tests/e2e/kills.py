"""kill -9 of what a job's life depends on: parts of the sandbox, and a JobManager's own process.

A part of the sandbox is started again by its supervisor, a container by the kubelet; nothing here waits for that.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from teams import Team

from gitsync.sandbox import states

API_SERVER, KUBELET = "kube-apiserver", "kubelet"
_ENTRY_POINT = b"KubernetesApplicationClusterEntrypoint"


def component(team: Team, name: str) -> bool:
    """Kill a part of the sandbox; False while it does not run."""
    state = states.read(team.layout)
    pid = state.pids.get(name) if state is not None else None
    return pid is not None and _killed(pid)


def job_manager(team: Team, job: str = "ticks") -> bool:
    """Kill the JobManager's process of a job; False while there is none."""
    return any([_killed(pid) for pid in job_managers(team, job)])


def job_managers(team: Team, job: str = "ticks") -> list[int]:
    """Process ids of a job's running JobManagers; what tells them apart is their pod's name and the team's folder."""
    return [int(process.name) for process in Path("/proc").iterdir() if _is_job_manager(process, team, job)]


def _is_job_manager(process: Path, team: Team, job: str) -> bool:
    if not process.name.isdigit():
        return False
    try:
        return (
            _ENTRY_POINT in (process / "cmdline").read_bytes()
            and f"\0HOSTNAME={job}-".encode() in b"\0" + (process / "environ").read_bytes()
            and str(team.folder) in (process / "mountinfo").read_text(errors="replace")
        )
    except OSError:
        return False  # it ended meanwhile


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
