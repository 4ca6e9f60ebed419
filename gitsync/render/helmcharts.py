"""Which files of a commit rendering a Helm chart reads, found without running Helm.

Pure over a listing and a way to read blobs. Everything must be in a repository: value files and files
of parameters by path (a leading `/` is the root, `$name/` another source); where dependencies come from is decided by
`chartdependencies`. Rules: Helm, "Charts"; Argo CD, "Helm value files".
"""

import itertools
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gitsync.git import trees
from gitsync.model.rendersets import InputFile, Lent, RenderError
from gitsync.render import chartdependencies, chartwalks, globs, links
from gitsync.render.chartwalks import Commit, Packed, Unfit, Walk
from gitsync.render.helmoptions import HelmOptions

_CHART = "Chart.yaml"
_GLOB = re.compile(r"[*?\[{]")


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
    packed: Mapping[str, Packed] = field(default_factory=dict)
    """Charts from elsewhere by the path of their archive in the export."""
    value_names: tuple[str, ...] = ()
    """What the value files are called, as far as they are files."""
    closed: frozenset[int] = frozenset()
    """Value files, by number, whose content was encrypted: no file may hold it."""

    @property
    def size(self) -> int:
        """Bytes to export."""
        own = sum(file.size for file in self.files.values()) + sum(len(one) for one in self.value_files)
        return own + sum(file.size for one in self.packed.values() for file in one.commit.tree.below(""))


def is_at(tree: trees.Listing, directory: str) -> bool:
    """Whether the top level of a directory says that it is a chart: any name that ends with Chart.yaml, as Argo CD."""
    prefix = f"{directory}/" if directory else ""
    return any(file.path.endswith(_CHART) and "/" not in file.path[len(prefix) :] for file in tree.below(directory))


def needed(
    own: Commit,
    directory: str,
    options: HelmOptions,
    others: Mapping[str, Commit],
    find: chartdependencies.Find | None = None,
) -> Chart:
    """What rendering the chart of `directory` reads; `others` are the sources that have a `ref`, by that name.

    `find` has the charts that a lock names; without it there are none. Raises what it raises.
    """
    walk = Walk(own, directory, others)
    chartwalks.export_below(directory, directory, walk)
    chartdependencies.bring(walk, find)
    values: list[bytes] = []
    names: list[str] = []
    for reference in _expanded(options, walk):
        content = _loose(reference, "valueFiles", walk, options.ignore_missing_value_files)
        if content is not None:
            values.append(content)
            names.append(reference)
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
        walk.packed,
        tuple(names),
    )


def _expanded(options: HelmOptions, walk: Walk) -> Iterator[str]:
    """Value files in order; a pattern stands for what it matches and is not named by itself elsewhere."""
    plain = {one for one in options.value_files if not _GLOB.search(one)}
    for reference in options.value_files:
        if not _GLOB.search(reference):
            yield reference
            continue
        try:
            source, pattern = _where(reference, walk)
        except Unfit as error:
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


def _is_unfit(reference: str, walk: Walk) -> bool:
    try:
        _where(reference, walk)
    except Unfit:
        return True
    return False


def _loose(reference: str, field_name: str, walk: Walk, may_miss: bool) -> bytes | None:
    """The content of a file an option names; None, with an error where it has to be there."""
    try:
        source, path = _where(reference, walk)
        commit = walk.commit(source)
        match links.reach(path, commit.tree, commit.read):
            case links.Reached(file, passed):
                walk.saw(source, (InputFile(step.path, step.blob) for step in (*passed, file)))
                return commit.read(file.blob)
            case links.Refused(why):
                raise Unfit(f"is refused: {why}")
            case links.Nothing(missing, _, passed):
                walk.saw(source, [*(InputFile(step.path, step.blob) for step in passed), InputFile(missing, "")])
            case links.Directory():
                raise Unfit("is a directory and must be a file")
        if may_miss:
            return None
        raise Unfit("does not exist")
    except Unfit as error:
        walk.errors.append(RenderError(walk.directory or ".", 0, 0, f"{field_name}: {reference!r} {error}"))
        return None


def _where(reference: str, walk: Walk) -> tuple[str, str]:
    """The source a file is in ("" is the chart's own) and its path there."""
    if "://" in reference:
        raise Unfit("is not in a repository: remote files are refused")
    if "\\" in reference or any(ord(char) < 32 for char in reference):
        raise Unfit("holds characters a path must not have")
    if reference.startswith("$"):
        name, _, path = reference[1:].partition("/")
        if name not in walk.others:
            raise Unfit(f"names the source ${name}, and no source has that ref")
        return name, chartwalks.inside(path)
    if reference.startswith("/"):
        return "", chartwalks.inside(reference.lstrip("/"))
    return "", chartwalks.inside(posixpath.join(walk.directory, reference))


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
