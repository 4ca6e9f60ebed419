"""What replacing one desired state by another will do: to every object, and to every Flink job.

Pure. Rows hold field paths and effects, never values, so that they can be shown in a pull request.
Without a cluster nobody says which kinds are namespaced; the built-in cluster-scoped ones are known,
everything else is taken to be namespaced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Keep, Plan, Prune, Step, Taken, Unchanged, Update, Waiting
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncstatuses import Problem
from gitsync.plan import diffing, effects, normalizing, preparing, pruning
from gitsync.plan.identities import group_of
from gitsync.plan.preparing import Kinds, Prepared
from operator_core.conf.defaults import Defaults
from operator_core.decide import downtimes
from operator_core.decide.downtimes import Downtime
from operator_core.decide.plans import JobEffect
from operator_core.jsonvalues import Json, Object
from operator_core.kube.requests import Resource

_CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
_PATHS_KEPT = 20


class Action(StrEnum):
    """What happens to an object."""

    create = "create"
    change = "change"
    prune = "prune"
    keep = "keep"
    refuse = "refuse"


@dataclass(frozen=True, slots=True)
class Row:
    """One object that does not stay as it is."""

    action: Action
    identity: Identity
    file: str
    line: int
    paths: tuple[str, ...]
    effect: JobEffect | None
    note: str = ""
    downtime: Downtime | None = None
    """How the job is interrupted; None where `effect` is."""

    def to_json(self) -> Object:
        """For programs."""
        row: Object = {
            "action": self.action.value,
            "group": self.identity.group,
            "kind": self.identity.kind,
            "namespace": self.identity.namespace,
            "name": self.identity.name,
            "file": self.file,
            "line": self.line,
            "fields": list(self.paths),
        }
        if self.effect is not None:
            row["effect"] = self.effect.effect.value
            row["reason"] = self.effect.reason
        if self.downtime is not None:
            row["downtime"] = {"class": self.downtime.downtime.value, "reason": self.downtime.reason}
        if self.note:
            row["note"] = self.note
        return row


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything a change does, and why it would not be applied."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happens and nothing is wrong."""
        return not self.rows and not self.problems


def offline_kinds(objects: Iterable[RenderedObject]) -> Kinds:
    """Every kind the objects use, as if it were served."""
    found: dict[tuple[str, str], Resource | None] = dict(preparing.kinds_defined(objects))
    for api_version, kind in preparing.kinds_used(objects):
        group, version = group_of(api_version), api_version.rpartition("/")[2]
        guessed = Resource(group, version, f"{kind.lower()}s", kind, kind not in _CLUSTER_SCOPED)
        if kind and version:
            found.setdefault((api_version, kind), guessed)
    return found


def between(old: Prepared, new: Prepared, defaults: Defaults) -> Preview:
    """What the step from one revision to another does, with pruning on."""
    before = {one.identity: one for one in old.desired}
    after = {one.identity: one for one in new.desired}
    rows = [_row_between(before.get(one.identity), one, defaults) for one in new.desired]
    gone = [one for one in reversed(old.desired) if one.identity not in after]
    rows += [_row_between(one, None, defaults) for one in gone]
    return Preview(tuple(row for row in rows if row is not None), new.problems)


def _row_between(old: Desired | None, new: Desired | None, defaults: Defaults) -> Row | None:
    present = new or old
    if present is None or (old is not None and new is not None and old.digest == new.digest):
        return None
    action = Action.create if old is None else Action.prune if new is None else Action.change
    bodies = (old.body if old is not None else None, new.body if new is not None else None)
    if new is None and old is not None and pruning.keeps_state(old.body):
        bodies = (pruning.guarded(old.body), None)
    paths = changed_paths(*bodies) if action is Action.change else ()
    effect = effects.effect(present.identity, *bodies, defaults=defaults)
    return _with_downtime(Row(action, present.identity, present.file, present.line, paths, effect), present.body)


def against_cluster(
    plan: Plan, live: Mapping[Identity, Object], dry: Mapping[Identity, Object], defaults: Defaults
) -> Preview:
    """What carrying out `plan` does; `dry` holds the API server's dry-run answers where there are some."""
    rows: list[Row] = []
    for given in plan.steps:
        step, one = _settled(given, live, dry), given.desired
        match step:
            case Unchanged():
                continue
            case Create():
                effect = effects.effect(one.identity, None, one.body, defaults=defaults)
                rows.append(_with_downtime(Row(Action.create, one.identity, one.file, one.line, (), effect), one.body))
            case Update():
                before, after = live.get(one.identity), dry.get(one.identity, one.body)
                effect = effects.effect(one.identity, before, after, live=before, defaults=defaults)
                paths = tuple(difference.shown for difference in step.differences)[:_PATHS_KEPT]
                row = Row(Action.change, one.identity, one.file, one.line, paths, effect)
                rows.append(_with_downtime(row, one.body))
            case Taken():
                note = f"the app {step.owner} has it"
                rows.append(Row(Action.refuse, one.identity, one.file, one.line, (), None, note))
            case Waiting():
                note = "after its definition is served"
                rows.append(Row(Action.create, one.identity, one.file, one.line, (), None, note))
    for removal in plan.removals:
        before = live.get(removal.identity)
        match removal:
            case Prune():
                gone = pruning.guarded(before) if before is not None and removal.guards_state else before
                effect = effects.effect(removal.identity, gone, None, live=gone, defaults=defaults)
                rows.append(_with_downtime(Row(Action.prune, removal.identity, "", 0, (), effect), before or {}))
            case Keep():
                rows.append(Row(Action.keep, removal.identity, "", 0, (), None, removal.reason))
    return Preview(tuple(rows), plan.problems)


def _settled(step: Step, live: Mapping[Identity, Object], dry: Mapping[Identity, Object]) -> Step:
    """The step without what the API server keeps as it is, such as a field that it drops at every apply."""
    one = step.desired
    answer = dry.get(one.identity)
    if not isinstance(step, Update) or step.adopts or answer is None:
        return step
    kept = diffing.accepted(one.body, one.digest, answer).paths(one.digest, live.get(one.identity, {}))
    left = tuple(one for one in step.differences if one.path not in kept)
    return replace(step, differences=left) if left else Unchanged(one)


def _with_downtime(row: Row, manifest: Object) -> Row:
    effect = row.effect
    return replace(row, downtime=downtimes.of(effect.effect, manifest)) if effect is not None else row


def changed_paths(old: Json, new: Json) -> tuple[str, ...]:
    """The paths at which two manifests differ; list items by their name where they have one."""
    found: list[str] = []
    _collect(old, new, "", (), found)
    return tuple(found[:_PATHS_KEPT])


def _collect(old: Json, new: Json, shown: str, path: tuple[str, ...], found: list[str]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            below = f"{shown}.{key}" if shown else key
            if key not in old or key not in new:
                found.append(below)
            else:
                _collect(old[key], new[key], below, (*path, key), found)
    elif isinstance(old, list) and isinstance(new, list) and _names(old) and _names(new):
        ours, theirs = ({item["name"]: item for item in items} for items in (old, new))
        for name in sorted(ours.keys() | theirs.keys()):
            _collect(ours.get(name), theirs.get(name), f"{shown}[name={name}]", path, found)
    elif not normalizing.same(new, old, path):
        found.append(shown)


def _names(items: list[Json]) -> bool:
    named = [item.get("name") for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return len(named) == len(items) == len(set(named))
