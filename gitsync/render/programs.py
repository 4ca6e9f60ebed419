"""Running a renderer's program on an export of exactly the files it may read.

Knows no renderer. A run gets a directory of its own, an environment of its own, no proxy that leads
anywhere, bounded time, memory, processor and output, and leads a session, so that nothing it started
outlives it. Files are written before links, so no link of a commit can lead a write elsewhere.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from operator_core.errors import Reason, Retry

TIMEOUT = 60.0
LARGEST_OUTPUT = 32 * 2**20
_LIMITS = " && ".join(
    f"ulimit -{kind} {amount}"
    for kind, amount in (("v", 6 * 2**20), ("d", 2**20), ("t", 60), ("c", 0), ("f", LARGEST_OUTPUT // 512))
)
"""Address space and data in KiB, processor in seconds, core dumps, files in blocks of 512 bytes (POSIX ulimit)."""
_NOWHERE = "http://127.0.0.1:1"
_ENVIRONMENT = {"GOMAXPROCS": "2", "GOMEMLIMIT": "512MiB", "HTTP_PROXY": _NOWHERE, "HTTPS_PROXY": _NOWHERE}
_ENDS = {
    signal.SIGXFSZ: f"it makes more than {LARGEST_OUTPUT} bytes",
    signal.SIGXCPU: "it needs more processor time than it may have",
}


@dataclass(frozen=True, slots=True)
class Export:
    """What a run may read: contents and links by their path below the tree, and loose files beside it."""

    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    loose: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `problem` is empty where it was well; machine paths are taken out of `stderr`.

    `bounded`: it was ended by a limit, so `problem` is the whole story; else the program's own words are.
    """

    stdout: bytes
    stderr: str
    problem: str
    bounded: bool = False


class Programs:
    """Runs programs one at a time per call. Safe to share between threads."""

    def __init__(self, *, scratch: Path | None = None, timeout: float = TIMEOUT) -> None:
        self._scratch = scratch
        self._timeout = timeout
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(self, name: str, command: Sequence[str], export: Export) -> Ended:
        """Run `command` in the tree; loose files are in `../loose` from there.

        Raises Retry(RenderFailed) when the machine is to blame.
        """
        try:
            with self._directory(name, export) as root:
                status = self._execute(name, list(command), root)
                told = (root / "messages").read_bytes()[-20_000:].decode("utf-8", "replace")
                stderr = (
                    told.replace(f"{root}/tree/", "")
                    .replace(f"{root}/tree", ".")
                    .replace(f"{root}/loose/", "")
                    .replace("../loose/", "")
                    .replace(str(root), ".")
                )
                if status == 0:
                    return Ended((root / "output").read_bytes(), stderr, "")
                limit = _limit(name, status, told)
                return Ended(b"", stderr, limit or f"{name} failed", bounded=bool(limit))
        except OSError as error:
            raise Retry(Reason.RenderFailed, f"cannot run {name}: {error.strerror}") from error

    def close(self) -> None:
        """End runs that are under way."""
        with self._lock:
            for process in self._running:
                _kill(process)

    @contextlib.contextmanager
    def _directory(self, name: str, export: Export) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._scratch) as place:
            root = Path(place).resolve()
            for directory in ("tree", "loose", "home"):
                (root / directory).mkdir()
            for base, files in (("tree", export.files), ("loose", export.loose)):
                for path, content in files.items():
                    target = root / base / _checked(path)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with open(target, "xb") as file:
                        file.write(content)
            for path, leads_to in export.links.items():
                target = root / "tree" / _checked(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(leads_to)
            yield root

    def _execute(self, name: str, command: list[str], root: Path) -> int:
        with open(root / "output", "wb") as output, open(root / "messages", "wb") as messages:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f'{_LIMITS} && exec "$@"', "sh", *command],
                cwd=root / "tree",
                env={**_ENVIRONMENT, "HOME": str(root / "home"), "KUBECONFIG": "/dev/null"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                start_new_session=True,
            )
            with self._lock:
                self._running.add(process)
            try:
                return process.wait(self._timeout)
            except subprocess.TimeoutExpired as error:
                text = f"{name} took longer than {self._timeout:g} seconds"
                raise Retry(Reason.RenderFailed, text, after=60.0) from error
            finally:
                with self._lock:
                    self._running.discard(process)
                _kill(process)


def _limit(name: str, status: int, stderr: str) -> str:
    """The bound that ended a run, or nothing."""
    # A shell between this process and the program adds 128 to the number of a signal.
    number = -status if status < 0 else status - 128
    if number == signal.SIGKILL:
        raise Retry(Reason.RenderFailed, f"{name} was killed", after=10.0)
    if number in _ENDS:
        return _ENDS[signal.Signals(number)]
    if "file too large" in stderr:
        return _ENDS[signal.SIGXFSZ]
    return "it needs more memory than it may have" if "out of memory" in stderr else ""


def _checked(path: str) -> str:
    """A path as one below a directory; Git itself never makes another, a forged commit may."""
    if any(step in ("", ".", "..") for step in path.split("/")) or "\0" in path:
        raise Retry(Reason.RenderFailed, f"the commit has a file with the forbidden name {path!r}")
    return path


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
