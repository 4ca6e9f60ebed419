"""Where the dependencies of a chart come from: its own charts/, a chart beside it, or the versions its lock names.

Knows no network: a locked chart is asked of whoever can have it, and comes as a commit like any other. What only says
a range and has no lock is refused, because what is rendered must not change without a commit. Rules: Helm, "Chart
dependencies" and "helm dependency build".
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from gitsync.charts import lockfiles
from gitsync.charts.lockfiles import Locked, Unusable
from gitsync.git import trees
from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model.rendersets import InputFile, RenderError
from gitsync.render import chartwalks
from gitsync.render.chartwalks import Packed, Unfit, Walk
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object, dig

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_REMOTE = re.compile(r"(https?|oci)://", re.IGNORECASE)
Find = Callable[[Locked], Packed]
"""From a locked dependency to the chart itself; raises Stalled, and what says that it is not there yet."""


def bring(walk: Walk, find: Find | None) -> None:
    """Have every dependency in the walk's files, or an error that names it."""
    for name in lockfiles.NAMES:
        path = posixpath.join(walk.directory, name)
        file = walk.files.get(path)
        if file is not None:
            walk.errors += _of_file(path, file, walk, find)


def _of_file(path: str, file: trees.File, walk: Walk, find: Find | None) -> Iterator[RenderError]:
    try:
        documents = yamlgo.load_all(walk.own.read(file.blob).decode("utf-8-sig", "replace"))
    except YamlError as error:
        yield RenderError(path, error.line, error.column, error.message)
        return
    whole = documents[0].value if documents else None
    listed = dig(whole, "dependencies", default=[])
    wanted = [one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)]
    remote: dict[int, Object] = {}
    for number, one in enumerate(wanted):
        answer = _here(one, path, walk)
        if answer is None:
            remote[number] = one
        yield from answer or ()
    if remote:
        yield from _locked(path, wanted, remote, walk, find)


def _here(wanted: Object, path: str, walk: Walk) -> tuple[RenderError, ...] | None:
    """What is wrong with a dependency of the repository itself; None for one that is elsewhere."""
    name, repository = wanted["name"], str(wanted.get("repository") or "")
    if not _NAME.fullmatch(name):
        return (RenderError(path, 0, 0, f"the dependency {name!r} has a name no chart can have"),)
    vendored = posixpath.join(walk.directory, "charts", name)
    archive = re.compile(rf"{re.escape(vendored)}-v?\d[^/]*\.tgz")
    if any(place.startswith(f"{vendored}/") or archive.fullmatch(place) for place in walk.files):
        return ()
    if not repository.startswith("file://"):
        return None
    try:
        beside = chartwalks.inside(posixpath.join(walk.directory, repository.removeprefix("file://")))
    except Unfit as error:
        return (RenderError(path, 0, 0, f"the dependency {name}: {repository!r} {error}"),)
    if not walk.own.tree.has_directory(beside) or f"{walk.directory}/".startswith(f"{beside}/"):
        return (RenderError(path, 0, 0, f"the dependency {name}: {repository!r} is no directory of a chart"),)
    chartwalks.export_below(beside, vendored, walk)
    return ()


def _locked(
    path: str, wanted: Sequence[Object], remote: Mapping[int, Object], walk: Walk, find: Find | None
) -> Iterator[RenderError]:
    """Bring the dependencies `remote` (by number) by the lock that stands beside the chart."""
    names = ", ".join(str(one["name"]) for one in remote.values())
    place = posixpath.join(posixpath.dirname(path), lockfiles.NAMES[posixpath.basename(path)])
    lock = walk.files.get(place)
    walk.inputs.add(InputFile(place, lock.blob if lock is not None else ""))
    if lock is None:
        remedy = f"run `helm dependency update` and commit {posixpath.basename(place)} or charts/"
        yield RenderError(
            path, 0, 0, f"the dependency {names} is not in charts/, and no lock says its version; {remedy}"
        )
        return
    try:
        first_form = posixpath.basename(path) != "Chart.yaml"
        found = lockfiles.read(walk.own.read(lock.blob).decode("utf-8-sig", "replace"), wanted, first_form=first_form)
    except Unusable as error:
        yield RenderError(place, 0, 0, str(error))
        return
    for number in remote:
        one = found[number]
        if not _REMOTE.match(one.repository):
            why = f"names the repository {one.repository!r}, which is no https:// or oci:// address"
            yield RenderError(path, 0, 0, f"the dependency {one.name} {why}; write the address, or commit charts/")
        elif find is None:
            problem = f"the dependency {one.name} is not in charts/, and nothing is downloaded here"
            yield RenderError(path, 0, 0, f"{problem}; run `helm dependency build` and commit charts/")
        else:
            try:
                walk.packed[posixpath.join(walk.directory, "charts", f"{one.name}-{one.version}.tgz")] = find(one)
            except Stalled as error:
                raise Stalled(error.reason, f"{path}: the dependency {one.name}: {error.message}") from error
