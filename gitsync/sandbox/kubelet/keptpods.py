"""What a kubelet leaves on disk of its pods, so that the next one goes on with them.

Shell around two kinds of files: `DIR/pods/UID/pod.json` (the pod's address, and which run of the sandbox it belongs to)
and `run.json` in the folder of a container's run. Records of another run of the sandbox are worth nothing: its
processes and networks are gone. What to make of a record is `inheriting`'s question.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gitsync.sandbox import processes
from gitsync.sandbox.containers.processes import Identity, Run
from operator_core.jsonvalues import Object

POD = "pod.json"
RUN = "run.json"
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class KeptRun:
    """The newest run of a container: the `number`th from 0. It may have ended."""

    container_id: str
    number: int
    started_at: datetime
    run: Run


@dataclass(frozen=True, slots=True)
class KeptPod:
    """A pod whose network and volumes are there; `runs` by container name."""

    address: str
    runs: Mapping[str, KeptRun]


def era() -> str:
    """A name for this run of the sandbox: the machine's boot and the start of the process that starts kubelets."""
    return f"{BOOT.read_text(encoding='ascii').strip()}/{processes.start_time(os.getppid())}"


def write_pod(folder: Path, address: str) -> None:
    """Record that the pod of this folder has its network."""
    _write(folder / POD, {"era": era(), "address": address})


def write_run(kept: KeptRun) -> None:
    """Record a container that has just started; the file holds its environment, so it is private."""
    run = kept.run
    document = {
        "id": kept.container_id,
        "number": kept.number,
        "startedAt": kept.started_at.isoformat(),
        "program": [run.program.pid, run.program.started],
        "monitor": [run.monitor.pid, run.monitor.started],
        "log": str(run.log),
        "environment": run.environment,
    }
    _write(run.folder / RUN, document)


def read(pods: Path) -> dict[str, KeptPod]:
    """The pods of this run of the sandbox by uid."""
    now, found = era(), {}
    for file in pods.glob(f"*/{POD}"):
        document = _document(file)
        if document.get("era") == now:
            found[file.parent.name] = KeptPod(str(document["address"]), _runs(file.parent))
    return found


def _runs(folder: Path) -> dict[str, KeptRun]:
    files = folder.glob(f"containers/*/*/{RUN}")
    return {file.parent.parent.name: kept for file in files if (kept := _run(file)) is not None}


def _run(file: Path) -> KeptRun | None:
    document = _document(file)
    if not document:
        return None
    program, monitor = (Identity(*document[key]) for key in ("program", "monitor"))
    run = Run(program, monitor, file.parent, Path(document["log"]), document["environment"])
    return KeptRun(document["id"], document["number"], datetime.fromisoformat(document["startedAt"]), run)


def _document(file: Path) -> Object:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(file: Path, document: Object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".tmp")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(document), encoding="utf-8")
    scratch.rename(file)
