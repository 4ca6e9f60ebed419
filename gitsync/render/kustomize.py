"""Running Kustomize on an export of exactly the files a build reads.

Knows the program and its words; which files are needed is found by `kustomizations`, and how a
program is kept within bounds is `programs`. Remote references are refused before; there are no
plugins and no Helm.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import trees
from gitsync.render import kustomizations, programs
from operator_core.errors import Reason, Stalled

KUBECTL = "GITSYNC_KUBECTL"
"""Environment variable with the path of the kubectl to use where there is no kustomize."""
_PLACE = re.compile(r"yaml: line (\d+)")
_CONTENT = (
    (re.compile(r" with config: `.*?`(?=: |$)"), ""),
    (re.compile(r"literal sources:? \[.*\]: "), "literal sources: "),
    (re.compile(r"invalid literal source .*, expected"), "invalid literal source, expected"),
    (re.compile(r"(?: from)? \[patch: \".*\"\]"), " from the patch"),
)
"""Where Kustomize quotes what it was given: patches and literals, which may be secrets."""
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
        timeout: float = programs.TIMEOUT,
    ) -> None:
        """`kubectl` is used where `path` (default: the environment's PATH) has no kustomize."""
        self._kubectl = kubectl or (Path(os.environ[KUBECTL]) if os.environ.get(KUBECTL) else None)
        self._path = path
        self._programs = programs.Programs(scratch=scratch, timeout=timeout)

    def build(
        self, directory: str, entries: tuple[trees.File, ...], contents: Mapping[str, bytes]
    ) -> bytes | BuildFailure:
        """The YAML a directory builds to. `contents` has each entry's content by blob.

        Raises Stalled(KustomizeMissing) where there is no program, and Retry(RenderFailed) when the
        machine is to blame.
        """
        ended = self._programs.run("kustomize", [*self._command(), f"./{directory}"], _export(entries, contents))
        if not ended.problem:
            return ended.stdout
        if ended.bounded:
            return BuildFailure("", 0, f"the build is too large: {ended.problem}")
        return explained(ended.stderr, tuple(entry.path for entry in entries))

    def close(self) -> None:
        """End builds that are under way."""
        self._programs.close()

    def _command(self) -> list[str]:
        found = shutil.which("kustomize", path=self._path)
        if found:
            return [found, "build", "--load-restrictor", "LoadRestrictionsRootOnly"]
        kubectl = str(self._kubectl) if self._kubectl is not None else shutil.which("kubectl", path=self._path)
        if kubectl and os.access(kubectl, os.X_OK):
            return [os.path.abspath(kubectl), "kustomize", "--load-restrictor", "LoadRestrictionsRootOnly"]
        problem = "neither 'kustomize' nor 'kubectl' is on the agent's PATH"
        raise Stalled(Reason.KustomizeMissing, f"{problem}: install one, or name a kubectl in {KUBECTL}")


def explained(stderr: str, paths: tuple[str, ...]) -> BuildFailure:
    """What Kustomize's words on standard error mean; pure.

    Kustomize wraps errors outside in, so the place that counts is the last one it names.
    """
    text = " ".join(stderr.split())
    text = re.sub(r"^[Ee]rror: (accumulating resources: )?", "", text)
    for quoted, instead in _CONTENT:
        text = quoted.sub(instead, text)
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


def _export(entries: tuple[trees.File, ...], contents: Mapping[str, bytes]) -> programs.Export:
    links = {entry.path: os.fsdecode(contents[entry.blob]) for entry in entries if entry.mode == trees.SYMLINK}
    files = {entry.path: contents[entry.blob] for entry in entries if entry.mode != trees.SYMLINK}
    return programs.Export(files, links)
