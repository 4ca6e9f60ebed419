"""What `gitsync validate` looks at: every directory below the paths given, each read as the agent would.

A directory with a kustomization is built, unless another one that is looked at uses it (then it is
judged through that one). Files a build reads are not judged by themselves: a patch is no object. All
other files with a manifest's name are, one directory at a time; a Helm chart's own files are not.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gitsync.cli.locating import Located
from gitsync.git import trees
from gitsync.git.worktrees import Snapshot
from gitsync.model.rendersets import RenderedObject, RenderSet
from gitsync.render import documents, kustomizations, plain, selecting
from gitsync.validate.checking import Directory
from gitsync.validate.findings import Finding, Severity
from operator_core.errors import AgentError, Reason, Stalled

_PLACE = re.compile(r"(?P<file>[^:\n]+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?: (?P<message>.+)", re.DOTALL)
_NOT_OURS = "left out"
_NO_YAML = "left out: neither a manifest nor valid YAML"


@dataclass(slots=True)
class _Tree:
    """The files that are looked at, by directory."""

    snapshot: Snapshot
    listing: trees.Listing
    files: dict[str, list[trees.File]] = field(default_factory=dict)
    kustomized: set[str] = field(default_factory=set)
    charts: set[str] = field(default_factory=set)

    def read(self, blob: str) -> bytes:
        return trees.read(self.snapshot.mirror, [blob])[blob]


def gather(snapshot: Snapshot, places: Sequence[Located]) -> list[Directory]:
    """The directories below `places` in the order of their paths. Raises Stalled for a path Git ignores."""
    tree = _Tree(snapshot, trees.listing(snapshot.mirror, snapshot.revision.sha))
    for one in places:
        _look(one, tree)
    # One Git process for all files instead of one per directory; what is too large for the memo is read later.
    trees.read(snapshot.mirror, [file.blob for files in tree.files.values() for file in files if file.size < 100_000])
    needed = {path: kustomizations.needed(tree.listing, path, tree.read) for path in sorted(tree.kustomized)}
    used = {item.path for build in needed.values() for item in build.inputs if item.blob}
    found = [_built(path, tree) for path in needed if not _is_used_by_another(path, needed)]
    found += [
        _chart(path, tree)
        for path in sorted(tree.charts)
        if not any(path.startswith(f"{other}/") for other in tree.charts)
    ]
    for path, files in tree.files.items():
        own = [file for file in files if file.path not in used and not _is_in_chart(file.path, tree)]
        found += [_plain(path, own, tree)] if own else []
    return sorted(found, key=lambda one: one.path.split("/"))


def reader(snapshot: Snapshot) -> Callable[[str], str]:
    """Texts of files of the working directory by their path in it."""
    listing = trees.listing(snapshot.mirror, snapshot.revision.sha)

    def read(path: str) -> str:
        file = listing.file(path)
        if file is None or file.mode in (trees.SYMLINK, trees.SUBMODULE):
            return ""
        return trees.read(snapshot.mirror, [file.blob])[file.blob].decode("utf-8-sig", "replace")

    return read


def _look(one: Located, tree: _Tree) -> None:
    path = "" if one.path == "." else one.path
    file = tree.listing.file(path) if path else None
    if file is None and path and not tree.listing.has_directory(path):
        raise Stalled(Reason.PathNotFound, f"nothing to check: {one.root / path} is empty or ignored by Git")
    for entry in [file] if file is not None else tree.listing.below(path):
        directory, _, name = entry.path.rpartition("/")
        if name in kustomizations.NAMES:
            tree.kustomized.add(directory)
        elif name == "Chart.yaml":
            tree.charts.add(directory)
        elif selecting.is_manifest_name(name) and entry.mode not in (trees.SYMLINK, trees.SUBMODULE):
            known = tree.files.setdefault(directory, [])
            if entry not in known:
                known.append(entry)


def _is_used_by_another(path: str, needed: dict[str, kustomizations.Needed]) -> bool:
    files = {f"{path}/{name}" if path else name for name in kustomizations.NAMES}
    return any(
        item.path in files and item.blob for other, build in needed.items() if other != path for item in build.inputs
    )


def _is_in_chart(path: str, tree: _Tree) -> bool:
    return any(path.startswith(f"{chart}/" if chart else "") for chart in tree.charts)


def _built(path: str, tree: _Tree) -> Directory:
    from gitsync.render import rendering

    try:
        rendered = rendering.render(tree.snapshot.mirror, tree.snapshot.revision, selecting.Source(path or "."))
    except AgentError as error:
        told = Finding(path or ".", 0, 0, "kustomize", Severity.error, f"not checked: {error.message}")
        return Directory(path, (), (told,), is_built=True)
    return Directory(path, rendered.objects, tuple(_told(rendered)), is_built=True)


def _told(rendered: RenderSet) -> Iterable[Finding]:
    for error in rendered.errors:
        yield Finding(error.file, error.line, error.column, "kustomize", Severity.error, error.message)
    for warning in rendered.warnings:
        match = _PLACE.fullmatch(warning)
        if match is None:
            yield Finding(rendered.path or ".", 0, 0, "kustomize", Severity.warning, warning)
        else:
            line, column = int(match["line"] or 0), int(match["column"] or 0)
            yield Finding(match["file"], line, column, "kustomize", Severity.warning, match["message"])


def _chart(path: str, tree: _Tree) -> Directory:
    """A chart with its own values alone; one that needs more can only be judged by whoever gives it some."""
    from gitsync.model import sources
    from gitsync.render import layouts, rendering
    from gitsync.render.buildenvironment import AppContext

    file = f"{path}/Chart.yaml" if path else "Chart.yaml"
    name = re.sub(r"[^a-z0-9-]", "-", path.rpartition("/")[2].lower()).strip("-") or "release"
    snapshot = tree.snapshot
    try:
        source = sources.Source.model_validate({"repoURL": snapshot.mirror.url, "path": path or "."})
        place = layouts.Place(source, snapshot.mirror, snapshot.revision)
        rendered = rendering.render_source(place, AppContext(name, destination="default"))
    except AgentError as error:
        why = "no 'helm' on PATH" if error.reason is Reason.HelmUnavailable else error.message
        return Directory(
            path, (), (Finding(file, 1, 0, "helm", Severity.advice, f"not checked: {why}"),), is_built=True
        )
    told = tuple(
        Finding(one.file, one.line, one.column, "helm", Severity.advice, f"not checked: {one.message}")
        for one in rendered.errors
    )
    return Directory(path, rendered.objects, told, is_built=True)


def _plain(path: str, files: list[trees.File], tree: _Tree) -> Directory:
    objects: list[RenderedObject] = []
    told: list[Finding] = []
    contents = trees.read(tree.snapshot.mirror, [file.blob for file in files if file.size <= plain.LARGEST_APP])
    for file in files:
        if file.blob not in contents:
            problem = f"it has {file.size} bytes, more than the {plain.LARGEST_APP} that are read"
            told.append(Finding(file.path, 0, 0, "manifest", Severity.error, problem))
            continue
        parsed = documents.parse(contents[file.blob], is_json=file.path.endswith(".json"))
        objects += [RenderedObject(json.loads(found.text), file.path, found.line) for found in parsed.objects]
        told += [_about(file, wrong, Severity.error) for wrong in parsed.errors]
        told += [
            _about(file, wrong, Severity.advice if wrong.message.startswith(_NO_YAML) else Severity.warning)
            for wrong in parsed.warnings
            if wrong.message.startswith(_NO_YAML) or not wrong.message.startswith(_NOT_OURS)
        ]
    return Directory(path, tuple(objects), tuple(told))


def _about(file: trees.File, wrong: documents.Wrong, severity: Severity) -> Finding:
    return Finding(file.path, wrong.line, wrong.column, "manifest", severity, wrong.message)
