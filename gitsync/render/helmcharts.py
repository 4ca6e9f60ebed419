"""Which files of a commit rendering a Helm chart reads, found without running Helm.

Pure over a listing and a way to read blobs. Everything must be in a repository: value files and files
of parameters by path (a leading `/` is the root, `$name/` another source), dependencies in `charts/` or
beside the chart; what names a host, or leads out through `..` or a link, is refused (CVE-2022-24348,
CVE-2022-24904). Rules: Helm, "Charts"; Argo CD, "Helm value files".
"""

import itertools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gitsync.git import trees
from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model.rendersets import InputFile, Lent, RenderError
from gitsync.render import globs, links
from gitsync.render.helmoptions import HelmOptions
from operator_core.jsonvalues import Object, dig

_CHART = "Chart.yaml"
_GLOB = re.compile(r"[*?\[{]")
_MOST_FILES = 5_000


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of one repository: its tree, and blobs by id."""

    tree: trees.Listing
    read: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Chart:
    """What a run needs. Files and links by their path in the export; loose files by name, lowest precedence first.

    `watched` are directories of the same commit that a pattern looks into, `lent` what was read of other sources.
    """

    directory: str
    files: Mapping[str, trees.File]
    links: Mapping[str, str]
    value_files: tuple[bytes, ...]
    parameter_files: tuple[tuple[str, bytes], ...]
    inputs: tuple[InputFile, ...]
    errors: tuple[RenderError, ...]
    watched: tuple[str, ...] = ()
    lent: tuple[tuple[str, Lent], ...] = ()

    @property
    def size(self) -> int:
        """Bytes to export."""
        return sum(file.size for file in self.files.values()) + sum(len(one) for one in self.value_files)


@dataclass(slots=True)
class _Walk:
    own: Commit
    directory: str
    others: Mapping[str, Commit]
    files: dict[str, trees.File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    inputs: set[InputFile] = field(default_factory=set)
    errors: list[RenderError] = field(default_factory=list)
    watched: set[str] = field(default_factory=set)
    lent: dict[str, set[InputFile]] = field(default_factory=dict)
    lent_watched: dict[str, set[str]] = field(default_factory=dict)

    def saw(self, source: str, files: Iterable[InputFile]) -> None:
        """Files that were read, of the chart's own commit ("") or of a source's."""
        (self.lent.setdefault(source, set()) if source else self.inputs).update(files)

    def commit(self, source: str) -> Commit:
        """The commit of a source."""
        return self.others[source] if source else self.own

    def watches(self, source: str, directory: str) -> None:
        """Everything below a directory decides the result."""
        (self.lent_watched.setdefault(source, set()) if source else self.watched).add(directory)


class _Unfit(ValueError):
    """Why a reference cannot be followed."""


def is_at(tree: trees.Listing, directory: str) -> bool:
    """Whether the top level of a directory says that it is a chart: any name that ends with Chart.yaml, as Argo CD."""
    prefix = f"{directory}/" if directory else ""
    return any(file.path.endswith(_CHART) and "/" not in file.path[len(prefix) :] for file in tree.below(directory))


def needed(own: Commit, directory: str, options: HelmOptions, others: Mapping[str, Commit]) -> Chart:
    """What rendering the chart of `directory` reads; `others` are the sources that have a `ref`, by that name."""
    walk = _Walk(own, directory, others)
    _export_below(directory, directory, walk)
    for missing in _dependencies(walk):
        walk.errors.append(missing)
    values: list[bytes] = []
    for reference in _expanded(options, walk):
        content = _loose(reference, "valueFiles", walk, options.ignore_missing_value_files)
        values += [content] if content is not None else []
    if options.values:
        values.append(options.values.encode())
    parameters: list[tuple[str, bytes]] = []
    for name, reference in options.file_parameters:
        content = _loose(reference, "fileParameters", walk, False)
        parameters += [(name, content)] if content is not None else []
    return Chart(
        directory,
        walk.files,
        walk.links,
        tuple(values),
        tuple(parameters),
        tuple(sorted(walk.inputs)),
        tuple(sorted(set(walk.errors))),
        tuple(sorted(walk.watched)),
        tuple(
            (name, Lent(tuple(sorted(walk.lent.get(name, ()))), tuple(sorted(walk.lent_watched.get(name, ())))))
            for name in sorted({*walk.lent, *walk.lent_watched})
        ),
    )


def _export_below(directory: str, target: str, walk: _Walk, passed: frozenset[str] = frozenset()) -> None:
    """Everything below a directory, to appear below `target`; links with what they lead to."""
    for file in walk.own.tree.below(directory):
        place = posixpath.join(target, posixpath.relpath(file.path, directory or "."))
        walk.inputs.add(InputFile(file.path, file.blob))
        if len(walk.files) > _MOST_FILES:
            walk.errors.append(RenderError(directory or ".", 0, 0, f"the chart has more than {_MOST_FILES} files"))
            return
        if file.mode == trees.SUBMODULE:
            continue
        if file.mode != trees.SYMLINK:
            walk.files[place] = file
            continue
        match links.reach(file.path, walk.own.tree, walk.own.read):
            case links.Reached(found, _):
                walk.inputs.add(InputFile(found.path, found.blob))
                walk.files[place] = found
            case links.Directory(path, _) if path not in passed and not f"{directory}/".startswith(f"{path}/"):
                # A copy in the link's place: Helm reads the same, and no link is left to follow.
                _export_below(path, place, walk, passed | {path})
            case links.Directory():
                walk.errors.append(RenderError(file.path, 0, 0, "this symbolic link is refused: it leads in a circle"))
            case links.Nothing(path, why, _):
                walk.inputs.add(InputFile(path, ""))
                walk.errors.append(RenderError(file.path, 0, 0, f"this symbolic link leads nowhere: {why}"))
            case links.Refused(why):
                walk.errors.append(RenderError(file.path, 0, 0, f"this symbolic link is refused: {why}"))


def _dependencies(walk: _Walk) -> Iterator[RenderError]:
    for name in (_CHART, "requirements.yaml"):
        path = posixpath.join(walk.directory, name)
        file = walk.files.get(path)
        if file is None:
            continue
        try:
            documents = yamlgo.load_all(walk.own.read(file.blob).decode("utf-8-sig", "replace"))
        except YamlError as error:
            yield RenderError(path, error.line, error.column, error.message)
            continue
        for wanted in dig(documents[0].value if documents else None, "dependencies", default=[]):
            if isinstance(wanted, dict) and isinstance(wanted.get("name"), str):
                yield from _dependency(wanted, path, walk)


def _dependency(wanted: Object, path: str, walk: _Walk) -> Iterator[RenderError]:
    name, repository = wanted["name"], str(wanted.get("repository") or "")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        yield RenderError(path, 0, 0, f"the dependency {name!r} has a name no chart can have")
        return
    vendored = posixpath.join(walk.directory, "charts", name)
    if any(place.startswith((f"{vendored}/", f"{vendored}-")) for place in walk.files):
        return
    if not repository.startswith("file://"):
        problem = f"the dependency {name} is not in charts/, and charts are not downloaded"
        yield RenderError(path, 0, 0, f"{problem}; run `helm dependency update` and commit charts/")
        return
    try:
        beside = _inside(posixpath.join(walk.directory, repository.removeprefix("file://")))
    except _Unfit as error:
        yield RenderError(path, 0, 0, f"the dependency {name}: {repository!r} {error}")
        return
    if not walk.own.tree.has_directory(beside) or f"{walk.directory}/".startswith(f"{beside}/"):
        yield RenderError(path, 0, 0, f"the dependency {name}: {repository!r} is no directory of a chart")
        return
    _export_below(beside, vendored, walk)


def _expanded(options: HelmOptions, walk: _Walk) -> Iterator[str]:
    """Value files in order; a pattern stands for what it matches and is not named by itself elsewhere."""
    plain = {one for one in options.value_files if not _GLOB.search(one)}
    for reference in options.value_files:
        if not _GLOB.search(reference):
            yield reference
            continue
        try:
            source, pattern = _where(reference, walk)
        except _Unfit as error:
            walk.errors.append(RenderError(walk.directory or ".", 0, 0, f"valueFiles: {reference!r} {error}"))
            continue
        named = {place for one in plain if not _is_unfit(one, walk) and (place := _where(one, walk))}
        steps = pattern.split("/")
        fixed = list(itertools.takewhile(lambda step: not _GLOB.search(step), steps))
        top = "/".join(fixed)
        walk.watches(source, top)
        found = [file.path for file in walk.commit(source).tree.below(top) if _fits(steps, file.path.split("/"))]
        prefix = f"${source}" if source else ""
        yield from (f"{prefix}/{path}" for path in sorted(found) if (source, path) not in named)
        if not found and not options.ignore_missing_value_files:
            problem = f"valueFiles: nothing matches {reference!r}"
            walk.errors.append(RenderError(walk.directory or ".", 0, 0, problem))


def _is_unfit(reference: str, walk: _Walk) -> bool:
    try:
        _where(reference, walk)
    except _Unfit:
        return True
    return False


def _loose(reference: str, field_name: str, walk: _Walk, may_miss: bool) -> bytes | None:
    """The content of a file an option names; None, with an error where it has to be there."""
    try:
        source, path = _where(reference, walk)
        commit = walk.commit(source)
        match links.reach(path, commit.tree, commit.read):
            case links.Reached(file, passed):
                walk.saw(source, (InputFile(step.path, step.blob) for step in (*passed, file)))
                return commit.read(file.blob)
            case links.Refused(why):
                raise _Unfit(f"is refused: {why}")
            case links.Nothing(missing, _, passed):
                walk.saw(source, [*(InputFile(step.path, step.blob) for step in passed), InputFile(missing, "")])
            case links.Directory():
                raise _Unfit("is a directory and must be a file")
        if may_miss:
            return None
        raise _Unfit("does not exist")
    except _Unfit as error:
        walk.errors.append(RenderError(walk.directory or ".", 0, 0, f"{field_name}: {reference!r} {error}"))
        return None


def _where(reference: str, walk: _Walk) -> tuple[str, str]:
    """The source a file is in ("" is the chart's own) and its path there."""
    if "://" in reference:
        raise _Unfit("is not in a repository: remote files are refused")
    if "\\" in reference or any(ord(char) < 32 for char in reference):
        raise _Unfit("holds characters a path must not have")
    if reference.startswith("$"):
        name, _, path = reference[1:].partition("/")
        if name not in walk.others:
            raise _Unfit(f"names the source ${name}, and no source has that ref")
        return name, _inside(path)
    if reference.startswith("/"):
        return "", _inside(reference.lstrip("/"))
    return "", _inside(posixpath.join(walk.directory, reference))


def _inside(path: str) -> str:
    plain = posixpath.normpath(path)
    if plain == ".." or plain.startswith(("../", "/")):
        raise _Unfit("leads out of the repository")
    return "" if plain == "." else plain


def _fits(pattern: list[str], path: list[str]) -> bool:
    """A doublestar pattern by its steps: `**` is any number of directories, all else stays within one."""
    reached = {0}
    for step in path:
        reached = {after for at in reached for after in _after(pattern, at, step)}
    # Trailing `**` match nothing as well.
    return any(all(step == "**" for step in pattern[at:]) for at in reached)


def _after(pattern: list[str], at: int, step: str) -> Iterator[int]:
    """Where in the pattern one can be after a step of the path."""
    while at < len(pattern) and pattern[at] == "**":
        yield at
        at += 1
    if at < len(pattern) and globs.matches(pattern[at], step):
        yield at + 1
