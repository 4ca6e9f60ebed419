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
from gitsync.render.generators import Look
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig

CASCADE = "gitsync.io/cascade"
"""Finalizer of a SyncApp whose deletion deletes its objects."""


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

    def may_update(self, live: Object) -> bool:
        """Whether a SyncApp that exists may be changed to what is among `objects`."""
        return dig(live, "metadata", "annotations", SET) not in self.frozen_sets

    def may_prune(self, live: Object) -> bool:
        """Whether a SyncApp that exists and is not among `objects` may go."""
        if live.get("kind") != syncapps.KIND:
            return True
        owner = dig(live, "metadata", "annotations", SET)
        if owner is not None and (owner in self.unreadable_sets or owner in self.keeping_sets):
            return False
        return owner is not None or dig(live, "metadata", "name") not in self.unreadable_apps


@dataclass(slots=True)
class _Found:
    parent: AppName
    kept: list[RenderedObject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    children: dict[str, RenderedObject] = field(default_factory=dict)


def family(objects: Iterable[RenderedObject], parent: AppName, look: Look) -> Family:
    """The objects with child apps in place of Applications; `parent` is the app they were rendered for.

    Children are made in the parent's namespace. `look` reads repositories for ApplicationSets.
    """
    found = _Found(parent)
    lost: dict[str, set[str]] = {"apps": set(), "sets": set(), "frozen": set(), "keeping": set()}
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
    )


def _take(child: Child, rendered: RenderedObject, found: _Found) -> None:
    if child.name == found.parent.name:
        text = f"the app {found.parent} contains an Application of its own name; an app cannot contain itself"
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
