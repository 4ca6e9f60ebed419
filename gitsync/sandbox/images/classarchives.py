"""Class archives that make a Flink release boot in half the time: made once, on this machine, for its Java.

A JobManager and a TaskManager run a small job for a moment, in a container that sees nothing but its own loopback, and
the classes they loaded are dumped (JDK documentation, "Class Data Sharing"). An archive is only good for the same Java
and the very same jars, which its folder's name stands for. Without one everything works, slower.
"""

from __future__ import annotations

import hashlib
import queue
import shutil
import tempfile
import threading
from pathlib import Path

from gitsync.sandbox import caches, demojob, errors
from gitsync.sandbox.containers import processes
from gitsync.sandbox.containers.processes import End
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images import flinkimage
from gitsync.sandbox.images.models import Image
from gitsync.sandbox.progress import Progress

LIMIT_S = 600.0
JOB = Path(next(iter(demojob.__path__))) / "demo-job.jar"
TRAINER = "/train.sh"


def location(release: str, home: Path, java_home: Path) -> Path:
    """Where the archives of this release, these jars and this Java are, or will be."""
    facts = [
        str(java_home),
        (java_home / "release").read_text(encoding="utf-8") if (java_home / "release").exists() else "",
    ]
    facts += [
        f"{jar.name} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in sorted((home / "lib").glob("*.jar"))
    ]
    facts.append((flinkimage.SCRIPTS / "train.sh").read_text(encoding="utf-8"))
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return caches.cache_dir() / "flink-archives" / f"{release}-{key}"


def find(release: str, home: Path, java_home: Path) -> Path | None:
    """The archives if they have been made."""
    folder = location(release, home, java_home)
    return folder if folder.is_dir() else None


def make(release: str, home: Path, java_home: Path, progress: Progress) -> None:
    """Make the archives unless they are there. What goes wrong is noted, not raised: they are a convenience."""
    with caches.locked(f"flink-archives-{release}"):
        target = location(release, home, java_home)
        if target.is_dir():
            return
        # What lies beside it under this lock was left by a maker that was killed.
        for left in (*target.parent.glob(f".{release}-*"), *target.parent.glob(f".training-{release}.*")):
            shutil.rmtree(left, ignore_errors=True)
        try:
            with (
                progress.stage(f"teach Flink {release} to start quickly"),
                caches.replacing(target) as scratch,
                tempfile.TemporaryDirectory(prefix=f".training-{release}.", dir=target.parent) as folder,
            ):
                image = flinkimage.image(f"flink:{release}", release, home, java_home)
                _train(_spec(image, Path(folder), scratch), progress)
        except (errors.SandboxError, OSError) as error:
            progress.note(f"Flink {release} will start slowly here: {error}")


def _train(spec: ContainerSpec, progress: Progress) -> None:
    (spec.folder / "etc").mkdir()
    (spec.folder / "etc" / "hosts").write_text("127.0.0.1 localhost training\n", encoding="utf-8")
    log = spec.folder / "log"
    ended: queue.SimpleQueue[End] = queue.SimpleQueue()
    process = processes.start(spec, None, log)
    process.watch(ended.put)
    limit = threading.Timer(LIMIT_S, process.kill)
    limit.start()
    try:
        end = _awaited(ended, progress)
    finally:
        limit.cancel()
        process.kill()
    if end.exit_code != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise errors.SandboxError(f"the training ended with exit code {end.exit_code}: {said[-300:]}")


def _awaited(ended: queue.SimpleQueue[End], progress: Progress) -> End:
    while True:
        try:
            return ended.get(timeout=1)
        except queue.Empty:
            progress.update("")


def _spec(image: Image, folder: Path, out: Path) -> ContainerSpec:
    return ContainerSpec(
        image=image,
        argv=(TRAINER, "/out"),
        environment=image.environment | {"HOSTNAME": "training"},
        folder=folder,
        hostname="training",
        workdir="/tmp",
        uid=image.uid,
        gid=image.gid,
        mounts=(
            Mount(flinkimage.SCRIPTS / "train.sh", TRAINER, True),
            Mount(JOB, f"{flinkimage.ROOT}/usrlib/job.jar", True),
            Mount(out, "/out", False),
        ),
        own_network=True,
        ends_with_caller=True,
    )
