"""One source of an app at one commit: which tool reads it, with which options, and what is left to run.

Follows Argo CD: options beside the manifests are merged in first (`.argocd-source.yaml`), a tool that is
named wins, then what lies at the top of the directory decides: a kustomization, a chart, plain manifests.
Runs no program itself; what a render read is part of its result.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from gitsync.git import mirrors, trees
from gitsync.model import sources
from gitsync.model.rendersets import InputFile, RenderedObject, RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.sources import Source
from gitsync.render import (
    buildenvironment,
    directories,
    helmcharts,
    helmrendering,
    kustomizations,
    kustomizeedits,
    kustomizing,
    plain,
    selecting,
    toolfiles,
)
from gitsync.render.buildenvironment import AppContext
from gitsync.render.helm import Helm
from gitsync.render.helmrendering import HelmBuild
from gitsync.render.kustomize import Kustomize
from gitsync.render.kustomizing import KustomizeBuild
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object

Build = KustomizeBuild | HelmBuild
Prepared = RenderSet | KustomizeBuild | HelmBuild


@dataclass(frozen=True, slots=True)
class Place:
    """A source at the commit it names now."""

    source: Source
    mirror: mirrors.Mirror
    revision: Revision


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that renders run."""

    kustomize: Kustomize
    helm: Helm

    def close(self) -> None:
        """End what is under way."""
        self.kustomize.close()
        self.helm.close()


class Renders:
    """How many sources were read since the process began; a commit that touches none of its inputs reads none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def add(self) -> None:
        """One more."""
        with self._lock:
            self._count += 1

    @property
    def count(self) -> int:
        """How many so far."""
        return self._count


RENDERS = Renders()


def prepare(
    place: Place,
    app: AppContext,
    lenders: Mapping[str, Place],
    previous: RenderSet | None = None,
    *,
    moved: bool = False,
) -> Prepared:
    """The result of a source, or the build that is left to do.

    `lenders` are the sources with a `ref`, by that name; `moved`: what was read of them may have changed since
    `previous`. Raises Stalled(PathNotFound or Invalid) and Retry when the mirror cannot be read.
    """
    source, mirror, revision = place.source, place.mirror, place.revision
    directory = selecting.checked_path("." if source.chart else source.path or ".")
    declared = _digest([source.given, app.declared])
    if previous is not None and not moved and _is_still_valid(place, directory, declared, previous):
        return replace(previous, revision=revision)
    if previous is None:
        trees.prefetch(mirror, revision.sha, selecting.is_manifest_name)
    listing = trees.listing(mirror, revision.sha)
    selecting.check_directory(listing, directory, revision)
    base = RenderSet(revision, directory, declared=declared)
    merged, base = _with_tool_files(source, app, base, listing, mirror)
    if base.errors:
        return base
    notes = tuple(f"{directory or '.'}: {note}" for note in sources.ignored(merged.given))
    result = _by_tool(replace(place, source=merged), app, lenders, replace(base, warnings=notes), previous)
    is_former = isinstance(result, RenderSet) and previous is not None and result.objects is previous.objects
    if not is_former:
        RENDERS.add()
    return result


def finish(mirror: mirrors.Mirror, build: Build, tools: Tools) -> RenderSet:
    """Run a build, unless one with the same inputs is remembered."""
    match build:
        case KustomizeBuild():
            return kustomizing.finish(mirror, build, tools.kustomize)
        case HelmBuild():
            return helmrendering.finish(mirror, build, tools.helm)


def tool_of(listing: trees.Listing, directory: str, source: Source) -> str:
    """`kustomize`, `helm` or `directory`; Kustomize wins where both are at the top of the directory."""
    for tool in ("kustomize", "helm"):
        if not sources.is_empty(source.given.get(tool)):
            return tool
    if source.directory is not None and source.directory.decides:
        return "directory"
    if kustomizations.is_at(listing, directory):
        return "kustomize"
    return "helm" if helmcharts.is_at(listing, directory) else "directory"


def _by_tool(
    place: Place, app: AppContext, lenders: Mapping[str, Place], base: RenderSet, previous: RenderSet | None
) -> Prepared:
    source, mirror = place.source, place.mirror
    listing = trees.listing(mirror, place.revision.sha)
    values = buildenvironment.variables(app, source, place.revision)
    tool = tool_of(listing, base.path, source)
    if app.children and tool != "directory":
        problem = f"{base.path or '.'} holds more than directories: {tool} would render it"
        raise Stalled(Reason.Invalid, f"spec.appPerDirectory cannot be followed: {problem}")
    match tool:
        case "kustomize":
            if source.kustomize is None or sources.is_empty(source.given.get("kustomize")):
                return kustomizing.prepared(mirror, listing, base, None, previous)
            edits = kustomizeedits.edits(source.kustomize, base.path, values, listing.has_directory)
            absent = [kustomizeedits.place(base.path, name) for name in edits.missing]
            watched = [InputFile(spot, "") for name in absent for spot in kustomizations.places(name)]
            everything = ("",) if kustomizeedits.names_the_commit(source.kustomize) else ()
            options = f"kustomize:{_digest(edits.options.model_dump(mode='json'))}"
            changed = replace(base, inputs=(*base.inputs, *watched), options=options, watched=everything)
            return kustomizing.prepared(mirror, listing, changed, edits, previous)
        case "helm":
            lent = {name: helmrendering.commit_of(one.mirror, one.revision.sha) for name, one in lenders.items()}
            return helmrendering.prepared(mirror, base, source, app, values, lent, previous)
        case _ if app.children:
            return _of_directories(place, app, base, previous)
        case _:
            return plain.rendered(mirror, listing, base, _selected(source, base.path), previous)


def _selected(source: Source, path: str) -> selecting.Source:
    """How the directory of an app's source is read."""
    one = source.directory or sources.Directory()
    return selecting.Source(path or ".", one.recurse, one.include, one.exclude)


def _of_directories(place: Place, app: AppContext, base: RenderSet, previous: RenderSet | None) -> RenderSet:
    """The manifests at the top, and an app for every directory."""
    listing = trees.listing(place.mirror, place.revision.sha)
    names = directories.found(listing, base.path)
    base = replace(base, inputs=tuple(sorted({*base.inputs, *directories.inputs(names, base.path)})))
    top = replace(_selected(place.source, base.path), recurse=False)
    result = plain.rendered(place.mirror, listing, base, top, previous)
    if not result.ok or (previous is not None and result.objects is previous.objects):
        return result
    made = list(directories.apps(names, base.path, app.children, app.namespace, app.name))
    errors = tuple(one for one in made if isinstance(one, RenderError))
    objects = (*result.objects, *(one for one in made if isinstance(one, RenderedObject)))
    return replace(result, objects=() if errors else objects, errors=errors)


def _with_tool_files(
    source: Source, app: AppContext, base: RenderSet, listing: trees.Listing, mirror: mirrors.Mirror
) -> tuple[Source, RenderSet]:
    """The source with the options that stand beside the manifests, and what was read for that."""
    names = toolfiles.names(app.name, app.namespace, app.control_namespace)
    given, inputs, errors = toolfiles.merged(
        source.given, names, base.path, listing, lambda blob: trees.read(mirror, [blob])[blob]
    )
    base = replace(base, inputs=inputs, errors=errors)
    own = [one.path for one in inputs if one.blob]
    wrong = [f"spec.source.{field} {why}" for field, why in sources.problems(given)]
    try:
        merged = Source.model_validate(given)
    except ValidationError as error:
        wrong += [f"spec.source.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        merged = source
    if wrong and not own:
        raise Stalled(Reason.Invalid, "; ".join(wrong))
    if wrong:
        base = replace(base, errors=(*errors, *(RenderError(own[-1], 0, 0, text) for text in wrong)))
    return merged, base


def _is_still_valid(place: Place, path: str, declared: str, previous: RenderSet) -> bool:
    if (previous.revision.repo, previous.path, previous.declared) != (place.revision.repo, path, declared):
        return False
    return not previous.touched_by(trees.changed_paths(place.mirror, previous.revision.sha, place.revision.sha))


def _digest(value: Object | list[object]) -> str:
    """Options as a digest: they may hold secrets."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()
