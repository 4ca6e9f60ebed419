"""All sources of an app as one desired state: each rendered by itself, files lent by `ref`, objects joined.

What a source read of another is kept beside it, so that a commit to a repository which only lends files
matters when it touches one of those. Rules: Argo CD, "Multiple Sources".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitsync.git import trees, urls
from gitsync.model import chartnames
from gitsync.model.rendersets import InputFile, RenderSet
from gitsync.model.sources import Source
from gitsync.render import layouts, multisources
from gitsync.render.buildenvironment import AppContext
from gitsync.render.layouts import Place, Prepared


@dataclass(frozen=True, slots=True)
class Composition:
    """What came of every source, by its number: what it renders to, and what was read of it by others."""

    made: Mapping[int, RenderSet]
    lent: Mapping[int, RenderSet]
    whole: RenderSet

    @property
    def content_key(self) -> str:
        """Equal for two that read the same files the same way."""
        keys = [[number, one.content_key] for number, one in sorted(self.made.items())]
        return hashlib.sha256(json.dumps(keys).encode()).hexdigest()

    def is_touched(self, number: int, changed_paths: Sequence[str]) -> bool:
        """Whether changes in the repository of a source can change the result."""
        parts = [one for one in (self.made.get(number), self.lent.get(number)) if one is not None]
        return any(part.touched_by(changed_paths) for part in parts)


def check(sources: Sequence[Source]) -> tuple[multisources.Part, ...]:
    """The sources as parts. Raises Stalled(Invalid) naming the one that cannot be."""
    if len(sources) == 1 and not sources[0].ref:
        one = sources[0]
        return (multisources.Part(one.lookup_url, one.target_revision, one.path or ".", "", one.given),)
    return multisources.parts([{**one.given, "repoURL": one.lookup_url} for one in sources])


def prepare(
    places: Sequence[Place], parts: Sequence[multisources.Part], app: AppContext, previous: Composition | None
) -> dict[int, Prepared]:
    """What is known of every source that renders. Raises Stalled and Retry."""
    resolved = {(part.repo_url, part.revision): place.revision.sha for part, place in zip(parts, places, strict=True)}
    multisources.check_revisions(parts, resolved)
    lenders = {part.ref: place for part, place in zip(parts, places, strict=True) if part.ref}
    moved = previous is not None and any(
        _has_moved(one, places[number]) for number, one in previous.lent.items() if number < len(places)
    )
    known = previous.made if previous is not None else {}
    found: dict[int, Prepared] = {}
    for number, (part, place) in enumerate(zip(parts, places, strict=True)):
        if part.renders:
            found[number] = layouts.prepare(place, app, lenders, known.get(number), moved=moved)
    return found


def joined(
    places: Sequence[Place], parts: Sequence[multisources.Part], made: Mapping[int, RenderSet], app: AppContext
) -> Composition:
    """The results of all sources as one."""
    if list(made) == [0] and len(places) == 1:
        return Composition(made, {}, made[0])
    numbers = {part.ref: number for number, part in enumerate(parts) if part.ref}
    lent: dict[int, RenderSet] = {}
    for name, number in numbers.items():
        told = [one for result in made.values() for source, one in result.lent if source == name]
        inputs: set[InputFile] = {item for one in told for item in one.inputs}
        watched = {place for one in told for place in one.watched}
        revision = places[number].revision
        lent[number] = RenderSet(revision, "", inputs=tuple(sorted(inputs)), exact=True, watched=tuple(sorted(watched)))
    main = made[min(made)] if made else RenderSet(places[0].revision, "", exact=True)
    results = [_told_apart(one, main) for _, one in sorted(made.items())]
    objects, warnings = multisources.joined([one.objects for one in results], app.destination, {})
    whole = replace(
        main,
        objects=objects if all(one.ok for one in results) else (),
        warnings=(*(text for one in results for text in one.warnings), *warnings),
        errors=tuple(error for one in results for error in one.errors),
    )
    return Composition(made, lent, whole)


def _told_apart(result: RenderSet, main: RenderSet) -> RenderSet:
    """A result with places that name its repository, where that is not the one the app's revision is of."""
    if result.revision.repo == main.revision.repo:
        return result
    url = result.revision.repo
    name = chartnames.split(url)[1] if chartnames.is_chart(url) else urls.path_of(url).rpartition("/")[2]
    return replace(
        result,
        objects=tuple(replace(one, file=f"{name}//{one.file}") for one in result.objects),
        errors=tuple(replace(one, file=f"{name}//{one.file}") for one in result.errors),
        warnings=tuple(f"{name}//{text}" for text in result.warnings),
    )


def _has_moved(lent: RenderSet, place: Place) -> bool:
    if lent.revision.repo != place.revision.repo:
        return True
    return lent.touched_by(trees.changed_paths(place.mirror, lent.revision.sha, place.revision.sha))
