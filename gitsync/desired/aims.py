"""What an app is to be made of: the places it follows, what rendering may know of it, and the result to aim at.

Pure: values and how they are made of each other; finding them is for `targets`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gitsync.desired.families import Member
from gitsync.desired.fetching import Move
from gitsync.desired.fetching import Place as Followed
from gitsync.model import semver
from gitsync.model.rendersets import RenderError, RenderSet
from gitsync.model.sources import Source
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.render import children, directories
from gitsync.render.buildenvironment import AppContext, ClusterVersions
from gitsync.render.children import Family
from gitsync.render.compositions import Composition
from gitsync.render.layouts import Place
from operator_core.errors import Reason


@dataclass(frozen=True, slots=True)
class Target:
    """What to aim at."""

    attempted: str | None
    """The newest commit that meant something to the app; None when the name could not be resolved."""
    rendered: RenderSet | None
    """The newest desired state when it is whole, with child apps in place of Applications."""
    problems: tuple[Problem, ...] = ()
    stalled: bool = False
    """Whether the problems stay until somebody commits or changes the app."""
    revisions: tuple[str, ...] | None = None
    """Where more than one commit decides: that of every source, then those that generators looked at."""
    family: Family | None = None
    """The child apps, where there are any."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was rendered of an app, and from what."""

    asked: tuple[tuple[Source, ...], AppContext]
    places: tuple[Place, ...]
    """Every source at the newest commit known to have this content."""
    content: tuple[str, ...]
    """The commits the content is named by."""
    result: Composition


def context_of(app: SyncApp, control_namespace: str, cluster: Callable[[], ClusterVersions]) -> AppContext:
    """What rendering may know of an app."""
    spec = app.spec
    children = directories.template(spec)
    place = spec.destination.namespace
    return AppContext(app.name, app.namespace, control_namespace, spec.project, place, children, cluster)


def followed(app: SyncApp, ref: str) -> tuple[Followed, ...]:
    """The repository and the name of a commit of every source, where the main one follows `ref`.

    A source of the same repository and revision stays with it, so that a pin holds for both.
    """
    main = app.spec.main
    own = (main.lookup_url, main.tag_prefix, main.target_revision)
    return tuple(
        (
            one.lookup_url,
            ref
            if (one.lookup_url, one.tag_prefix, one.target_revision) == own
            else semver.of_tags(one.tag_prefix, one.target_revision),
        )
        for one in app.spec.all_sources
    )


def moved(made: Made, move: Move, changed: Sequence[str]) -> Made | None:
    """What was rendered, at the newer commit of one of its places; None where a pass has to look at that commit.

    `changed`: the paths that differ between the two commits. Generators of child apps may look anywhere, and what
    a repository's modules may be is not told by the files that were read.
    """
    named = ((one.source.lookup_url, one.revision.ref) for one in made.places)
    numbers = [number for number, place in enumerate(named) if place == move.place]
    whole = made.result.whole
    if not numbers or not whole.ok or children.has_any(whole.objects):
        return None
    if any(made.places[number].revision.sha != move.old for number in numbers):
        return None
    if any(path.rpartition("/")[2] == ".gitmodules" for path in changed):
        return None
    if any(made.result.is_touched(number, changed) for number in numbers):
        return None
    places = list(made.places)
    for number in numbers:
        places[number] = replace(places[number], revision=move.new)
    return replace(made, places=tuple(places))


def problem_from(error: RenderError, reason: Reason = Reason.RenderFailed) -> Problem:
    """A render error with its place."""
    text = error.message + (f" (column {error.column})" if error.column else "")
    return Problem(reason=reason, message=text, file=error.file or None, line=error.line or None)


def several(commits: tuple[str, ...]) -> tuple[str, ...] | None:
    """The commits, where more than one decides."""
    return commits if len(commits) > 1 else None


def with_family(target: Target, content: tuple[str, ...], member: Member) -> Target:
    """A target with child apps in place of Applications, and what is wrong with those."""
    family, whole = member.family, target.rendered
    assert whole is not None
    return replace(
        target,
        rendered=replace(whole, objects=family.objects, warnings=(*whole.warnings, *family.warnings)),
        problems=(*family.problems, *target.problems),
        stalled=bool(family.problems),
        revisions=several((*content, *(sha for _, sha in member.commits))),
        family=family,
    )


def applied(app: SyncApp, count: int) -> tuple[str, ...] | None:
    """The commits of the sources that were last applied whole; None where they are not known."""
    sync = app.status.sync
    if sync is None or sync.revision is None:
        return None
    shas = sync.revisions if sync.revisions is not None else (sync.revision,)
    return shas[:count] if len(shas) >= count else None
