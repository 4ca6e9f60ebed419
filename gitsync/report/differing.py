"""What differs between Git and the cluster, with values and who set them: what `gitsync diff` shows.

Pure. Values of Secrets, and of fields whose names sound like secrets, are never shown: only that
they differ. Who set a live value is told by managed fields, as the API server keeps them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.model.differences import Difference, Kind, Path
from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Keep, Plan, Prune, Taken, Unchanged, Update, Waiting
from gitsync.plan import diffing, normalizing
from gitsync.plan.previews import Action
from operator_core import masking
from operator_core.jsonvalues import Json, Object, dig

_NOT_COMPARED = frozenset({"apiVersion", "kind", "metadata", "status"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field; a value that is None is not there, texts are shown as they are, all else as JSON."""

    path: str
    live: str | None
    wanted: str | None
    owner: str
    """Who set the live value; empty when nobody says so."""

    def to_json(self) -> Object:
        """For programs; what is not there is left out."""
        value = {"path": self.path, "live": self.live, "wanted": self.wanted, "owner": self.owner or None}
        return {key: item for key, item in value.items() if item is not None}


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """One object that is not as Git wants it."""

    action: Action
    identity: Identity
    file: str
    line: int
    fields: tuple[Field, ...] = ()
    note: str = ""

    def to_json(self) -> Object:
        """For programs."""
        one = self.identity
        row: Object = {
            "action": self.action.value,
            "group": one.group,
            "kind": one.kind,
            "namespace": one.namespace,
            "name": one.name,
            "file": self.file,
            "line": self.line,
            "fields": [field.to_json() for field in self.fields],
        }
        return {**row, "note": self.note} if self.note else row


def differences(plan: Plan, live: Mapping[Identity, Object]) -> tuple[ObjectDifference, ...]:
    """Every object that carrying out `plan` would touch, or that it has to leave alone; `live` are whole objects."""
    found: list[ObjectDifference] = []
    for step in plan.steps:
        one = step.desired
        place = (one.identity, one.file, one.line)
        match step:
            case Unchanged():
                continue
            case Create():
                found.append(ObjectDifference(Action.create, *place, note="not in the cluster"))
            case Update():
                found.append(ObjectDifference(Action.change, *place, _fields(step, live[one.identity])))
            case Taken():
                found.append(ObjectDifference(Action.refuse, *place, note=f"the app {step.owner} has it"))
            case Waiting():
                found.append(ObjectDifference(Action.create, *place, note="waits for its definition to be served"))
    for removal in plan.removals:
        match removal:
            case Prune():
                found.append(ObjectDifference(Action.prune, removal.identity, "", 0, note="no longer in Git"))
            case Keep():
                found.append(ObjectDifference(Action.keep, removal.identity, "", 0, note=removal.reason))
    return tuple(found)


def _fields(step: Update, live: Object) -> tuple[Field, ...]:
    wanted = step.desired.body
    if any(one.kind is Kind.unmanaged for one in step.differences):
        paths = tuple(_unlike(wanted, live))
    else:
        paths = tuple(path for one in step.differences for path in _leaves(one.path, wanted, live))
    return tuple(_field(step.desired, path, live) for path in paths)


def _leaves(path: Path, wanted: Object, live: Object) -> tuple[Path, ...]:
    """The fields in a difference; the whole of it where the values are the same and only who set them differs."""
    return tuple(_unlike_below(diffing.value_at(wanted, path), diffing.value_at(live, path), path)) or (path,)


def _field(desired: Desired, path: Path, live: Object) -> Field:
    shown = Difference(path, Kind.changed).shown
    hides = desired.identity.kind == "Secret" or _is_of_secret(path)
    before, after = (_text(diffing.value_at(one, path), one, hides=hides) for one in (live, desired.body))
    return Field(shown, before, after, "" if before is None else owner_of(live, path))


def _is_of_secret(path: Path) -> bool:
    """Whether a field, or the item of a list that it is of, sounds like a secret: `env[name=PASSWORD].value`."""
    of_item = path[-2:-1] if path[-1:] == ("value",) else ()
    return any(masking.sounds_secret(step.strip("[]").removeprefix("name=")) for step in (*path[-1:], *of_item))


def _text(value: Json, whole: Object, *, hides: bool) -> str | None:
    """A value of the object `whole`, for people."""
    if value is None:
        return None
    if hides:
        return masking.HIDDEN
    text = value if isinstance(value, str) else json.dumps(masking.hidden(value), ensure_ascii=False)
    return masking.masked(masking.without(text, masking.values_of(whole)))


def owner_of(live: Object, path: Path) -> str:
    """The managers that own a field or something in it, the latest first."""
    entries = [
        (str(entry.get("time", "")), str(entry.get("manager", "")))
        for entry in dig(live, "metadata", "managedFields", default=[])
        if diffing.owns(entry.get("fieldsV1") or {}, path)
    ]
    return ", ".join(dict.fromkeys(manager for _, manager in sorted(entries, reverse=True)))


def _unlike(wanted: Object, live: Object) -> Iterable[Path]:
    """Paths at which an object nobody applied from Git is not as Git wants it; what Git does not say does not count."""
    meta = wanted.get("metadata") or {}
    for part in ("labels", "annotations"):
        for key, value in (meta.get(part) or {}).items():
            if not normalizing.same(value, dig(live, "metadata", part, key), ("metadata", part, key)):
                yield ("metadata", part, key)
    for key, value in wanted.items():
        if key not in _NOT_COMPARED:
            yield from _unlike_below(value, live.get(key), (key,))


def _unlike_below(wanted: Json, live: Json, path: Path) -> Iterable[Path]:
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            yield from _unlike_below(value, live.get(key), (*path, key))
    elif not normalizing.same(wanted, live, path):
        yield path
