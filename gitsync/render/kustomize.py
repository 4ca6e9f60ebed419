"""Running Kustomize on an export of exactly the files a build reads.

Knows the program, its limits and its words; which files are needed is found by `kustomizations`.
A build gets a directory of its own that nobody else writes, no environment, no network names to
look up (remote references are refused before), no plugins and no Helm; time, memory, processor and
output are bounded, and nothing of it outlives its deadline.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import trees
from gitsync.render import kustomizations
from operator_core.errors import Reason, Retry, Stalled

TIMEOUT = 60.0
"""Seconds a build may take."""
KUBECTL = "GITSYNC_KUBECTL"
"""Environment variable with the path of the kubectl to use where there is no kustomize."""
LARGEST_OUTPUT = 32 * 2**20
_LIMITS = " && ".join(
    f"ulimit -{kind} {amount}"
    for kind, amount in (("v", 6 * 2**20), ("d", 2**20), ("t", 60), ("c", 0), ("f", LARGEST_OUTPUT // 512))
)
"""Address space and data in KiB, processor in seconds, core dumps, files in blocks of 512 bytes (POSIX ulimit)."""
_NO_PROXY_TO_ANYWHERE = "http://127.0.0.1:1"
_ENVIRONMENT = {
    "GOMAXPROCS": "2",
    "GOMEMLIMIT": "512MiB",
    "HTTP_PROXY": _NO_PROXY_TO_ANYWHERE,
    "HTTPS_PROXY": _NO_PROXY_TO_ANYWHERE,
}
_PLACE = re.compile(r"yaml: line (\d+)")
_WITHIN = re.compile(r"recursed (?:accumulation of|merging from) path '([^']*)': ")


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """Why a build failed: `file` is relative to the repository, "" where Kustomize names none."""

    file: str
    line: int
    message: str


class Kustomize:
    """The program, whichever there is. Safe to share between threads."""

    def __init__(
        self,
        kubectl: Path | None = None,
        *,
        path: str | None = None,
        scratch: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """`kubectl` is used where `path` (default: the environment's PATH) has no kustomize."""
        self._kubectl = kubectl or (Path(os.environ[KUBECTL]) if os.environ.get(KUBECTL) else None)
        self._path = path
        self._scratch = scratch
        self._timeout = timeout
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def build(
        self, directory: str, entries: tuple[trees.File, ...], contents: Mapping[str, bytes]
    ) -> bytes | BuildFailure:
        """The YAML a directory builds to. `contents` has each entry's content by blob.

        Raises Stalled(KustomizeMissing) where there is no program, and Retry(RenderFailed) when the
        machine is to blame.
        """
        command = self._command()
        try:
            with tempfile.TemporaryDirectory(prefix="kustomize-", dir=self._scratch) as place:
                root = Path(place).resolve()
                tree = root / "tree"
                _export(tree, entries, contents)
                status, stderr = self._run([*command, f"./{directory}"], tree, root)
                if status == 0:
                    return (root / "output").read_bytes()
                return _failure(status, stderr, tree, entries)
        except OSError as error:
            raise Retry(Reason.RenderFailed, f"cannot run kustomize: {error.strerror}") from error

    def close(self) -> None:
        """End builds that are under way."""
        with self._lock:
            for process in self._running:
                _kill(process)

    def _command(self) -> list[str]:
        found = shutil.which("kustomize", path=self._path)
        if found:
            return [found, "build", "--load-restrictor", "LoadRestrictionsRootOnly"]
        kubectl = str(self._kubectl) if self._kubectl is not None else shutil.which("kubectl", path=self._path)
        if kubectl and os.access(kubectl, os.X_OK):
            return [os.path.abspath(kubectl), "kustomize", "--load-restrictor", "LoadRestrictionsRootOnly"]
        problem = "neither 'kustomize' nor 'kubectl' is on the agent's PATH"
        raise Stalled(Reason.KustomizeMissing, f"{problem}: install one, or name a kubectl in {KUBECTL}")

    def _run(self, command: list[str], tree: Path, root: Path) -> tuple[int, str]:
        with open(root / "output", "wb") as output, open(root / "messages", "wb") as messages:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f'{_LIMITS} && exec "$@"', "sh", *command],
                cwd=tree,
                env={**_ENVIRONMENT, "HOME": str(root)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                start_new_session=True,
            )
            with self._lock:
                self._running.add(process)
            try:
                status = process.wait(self._timeout)
            except subprocess.TimeoutExpired as error:
                raise Retry(
                    Reason.RenderFailed, f"kustomize took longer than {self._timeout:g} seconds", after=60.0
                ) from error
            finally:
                with self._lock:
                    self._running.discard(process)
                _kill(process)
        return status, (root / "messages").read_bytes()[-20_000:].decode("utf-8", "replace")


def _failure(status: int, stderr: str, tree: Path, entries: tuple[trees.File, ...]) -> BuildFailure:
    # A shell between this process and the program adds 128 to the number of a signal.
    number = -status if status < 0 else status - 128
    if number == signal.SIGXFSZ or "file too large" in stderr:
        return BuildFailure("", 0, f"the build makes more than {LARGEST_OUTPUT} bytes")
    if number == signal.SIGXCPU:
        return BuildFailure("", 0, "the build needs more processor time than it may have")
    if number == signal.SIGKILL:
        raise Retry(Reason.RenderFailed, "kustomize was killed", after=10.0)
    if "out of memory" in stderr:
        return BuildFailure("", 0, "the build needs more memory than it may have")
    return explained(stderr, str(tree), tuple(entry.path for entry in entries))


def explained(stderr: str, tree: str, paths: tuple[str, ...]) -> BuildFailure:
    """What Kustomize's words on standard error mean, without the machine's paths; pure.

    Kustomize wraps errors outside in, so the place that counts is the last one it names.
    """
    text = " ".join(stderr.split()).replace(f"{tree}/", "").replace(tree, ".")
    text = re.sub(r"^[Ee]rror: (accumulating resources: )?", "", text)
    directory = "."
    for within in list(_WITHIN.finditer(text))[-1:]:
        directory, text = within[1], text[within.end() :].removeprefix("accumulating resources: ")
    line = _PLACE.search(text)
    file = _last_named(text, directory, paths)
    return BuildFailure(file, int(line[1]) if line else 0, text[:1000] or "kustomize failed without a word")


def _last_named(text: str, directory: str, paths: tuple[str, ...]) -> str:
    """The file named last, by its path or by its path below `directory`; else the kustomization of that directory."""
    base = "" if directory == "." else f"{directory}/"
    best = (-1, 0, "")
    for path in paths:
        names = {path, path.removeprefix(base)} if path.startswith(base) else {path}
        for name in names:
            for match in re.finditer(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", text):
                best = max(best, (match.start(), len(path), path))
    own = [path for path in paths if path in {base + name for name in kustomizations.NAMES}]
    return best[2] or (own[0] if own else "")


def _export(tree: Path, entries: tuple[trees.File, ...], contents: Mapping[str, bytes]) -> None:
    """Write files, then links: while files are written, no link can lead them elsewhere."""
    tree.mkdir()
    for entry in sorted(entries, key=lambda one: one.mode == trees.SYMLINK):
        place = tree / _checked(entry.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == trees.SYMLINK:
            place.symlink_to(os.fsdecode(contents[entry.blob]))
        else:
            with open(place, "xb") as file:
                file.write(contents[entry.blob])


def _checked(path: str) -> str:
    """A path of a commit as one below a directory; Git itself never makes another, a forged commit may."""
    if any(step in ("", ".", "..") for step in path.split("/")) or "\0" in path:
        raise Retry(Reason.RenderFailed, f"the commit has a file with the forbidden name {path!r}")
    return path


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the build and whatever it started; it leads its own session."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
