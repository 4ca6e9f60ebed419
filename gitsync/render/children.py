"""The child apps among rendered objects: Applications and ApplicationSets become SyncApps of this agent.

Pure. What is not understood becomes one problem and no object; the SyncApp it was before stays as it
is. Whether to do this at all is the caller's: where the cluster serves Argo CD's own kinds, two agents
must not both follow an Application.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gitsync.model import syncapps
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncstatuses import Problem
from gitsync.render import applications, applicationsets
from gitsync.render.applications import Child, Refused
from gitsync.render.applicationsets import SET, Generated
from gitsync.render.directories import CASCADE
from gitsync.render.parametersets import Look
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig


@dataclass(frozen=True, slots=True)
class Family:
    """What to apply instead, and which SyncApps that exist are not to be touched."""

    objects: tuple[RenderedObject, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    unreadable_apps: frozenset[str] = frozenset()
    unreadable_sets: frozenset[str] = frozenset()
    frozen_sets: frozenset[str] = frozenset()
    keeping_sets: frozenset[str] = frozenset()
    empty_sets: frozenset[str] = frozenset()

    def why_not_updated(self, live: Object) -> str:
        """Why a SyncApp that exists may not be changed to what is among `objects`; "" when it may."""
        owner = dig(live, "metadata", "annotations", SET)
        if live.get("kind") != syncapps.KIND or owner not in self.frozen_sets:
            return ""
        return f"its ApplicationSet {owner} only creates apps (applicationsSync)"

    def why_not_pruned(self, live: Object, *, allow_empty: bool) -> tuple[str, bool]:
        """Why what exists and is not among `objects` stays ("" when it may go), and whether a person decides."""
        if live.get("kind") != syncapps.KIND:
            return "", False
        owner = dig(live, "metadata", "annotations", SET)
        if owner is None:
            is_lost = dig(live, "metadata", "name") in self.unreadable_apps
            return ("its Application is not followed now: left as it is", False) if is_lost else ("", False)
        if owner in self.unreadable_sets:
            return f"its ApplicationSet {owner} is not followed now: left as it is", False
        if owner in self.keeping_sets:
            return f"its ApplicationSet {owner} deletes no apps (applicationsSync)", False
        if owner in self.empty_sets and not allow_empty:
            reason = f"its ApplicationSet {owner} generates no app at all now"
            return f"{reason}; set syncPolicy.automated.allowEmpty of this app to let that delete all of them", True
        return "", False


@dataclass(slots=True)
class _Found:
    parent: AppName
    ancestors: tuple[AppName, ...]
    kept: list[RenderedObject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    children: dict[str, RenderedObject] = field(default_factory=dict)


def has_any(objects: Iterable[RenderedObject]) -> bool:
    """Whether there are Applications or ApplicationSets among the objects."""
    return any(applications.is_application(one.body) or applicationsets.is_set(one.body) for one in objects)


def family(
    objects: Iterable[RenderedObject], parent: AppName, look: Look, ancestors: tuple[AppName, ...] = ()
) -> Family:
    """The objects with child apps in place of Applications; `parent` is the app they were rendered for.

    Children are made in the parent's namespace. `look` reads repositories for ApplicationSets; `ancestors` are
    the apps that made the parent, nearest first.
    """
    found = _Found(parent, ancestors)
    lost: dict[str, set[str]] = {"apps": set(), "sets": set(), "frozen": set(), "keeping": set(), "empty": set()}
    for rendered in objects:
        if applications.is_application(rendered.body):
            answer: Child | Refused | Generated = applications.translate(rendered.body, parent.namespace)
            group = "apps"
        elif applicationsets.is_set(rendered.body):
            answer, group = applicationsets.expand(rendered.body, parent.namespace, look), "sets"
        else:
            found.kept.append(rendered)
            continue
        match answer:
            case Refused():
                lost[group].add(str(dig(rendered.body, "metadata", "name", default="")))
                found.problems.append(_problem(rendered, answer.message))
            case Child():
                _take(answer, rendered, found)
            case Generated():
                lost["frozen"] |= set() if answer.updates else {answer.name}
                lost["keeping"] |= set() if answer.deletes else {answer.name}
                lost["empty"] |= set() if answer.children else {answer.name}
                for child in answer.children:
                    _take(child, rendered, found)
    sets = {key: frozenset(names) for key, names in lost.items()}
    return Family(
        tuple(found.kept),
        tuple(found.problems),
        tuple(found.warnings),
        sets["apps"],
        sets["sets"],
        sets["frozen"],
        sets["keeping"],
        sets["empty"],
    )


def _take(child: Child, rendered: RenderedObject, found: _Found) -> None:
    if child.name == found.parent.name:
        text = f"the app {found.parent} contains an Application of its own name; an app cannot contain itself"
        found.problems.append(_problem(rendered, text))
        return
    above = [one.name for one in found.ancestors]
    if child.name in above:
        way = " → ".join([*reversed(above[: above.index(child.name) + 1]), found.parent.name, child.name])
        text = f"the Application {child.name} would contain itself ({way}): apps of apps must not form a circle"
        found.problems.append(_problem(rendered, text))
        return
    earlier = found.children.setdefault(child.name, rendered)
    if earlier is not rendered:
        text = f"the Application {child.name} is given already in {earlier.file}:{earlier.line}; rename one of them"
        found.problems.append(_problem(rendered, text))
        return
    body = child.body
    if child.cascades:
        body = {**body, "metadata": {**body["metadata"], "finalizers": [CASCADE]}}
    found.warnings += [f"{rendered.file}:{rendered.line}: Application {child.name}: {note}" for note in child.notes]
    found.kept.append(RenderedObject(body, rendered.file, rendered.line))


def _problem(rendered: RenderedObject, message: str) -> Problem:
    return Problem(reason=Reason.RenderFailed, message=message, file=rendered.file, line=rendered.line)
