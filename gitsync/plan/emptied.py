"""Maps that a commit empties, which the API server turns into nulls.

A server-side apply that takes the last field out of a map of a custom resource leaves null in its place, and a
schema that knows no null refuses the object (kubernetes/kubernetes: `Invalid value: "null"`); where null may stand,
the map is dropped. So a refused apply is repeated without the map, and followed by one with the empty map where an
empty map may mean something. Of a Flink job it means what no map means: a second change would only restart it. Pure.
"""

from collections.abc import Iterable

from gitsync.model.differences import Difference, Kind, Path
from gitsync.model.identities import Identity
from operator_core.jsonvalues import Json, Object

_JOBS = frozenset({"FlinkDeployment", "FlinkSessionJob"})


def paths(wanted: Object, differences: Iterable[Difference]) -> frozenset[Path]:
    """Where `wanted` has an empty map from which something is taken away."""
    gone = [one.path for one in differences if one.kind is Kind.removed]
    ways = {path[:length] for path in gone for length in range(1, len(path))}
    return frozenset(way for way in ways if _at(wanted, way) == {})


def left_out(body: Object, emptied: frozenset[Path]) -> Object:
    """A copy of `body` without these maps, and without those that hold nothing else."""
    return _without(body, (), emptied)


def means_nothing(identity: Identity) -> bool:
    """Whether an empty map in such an object says the same as none."""
    return identity.group == "flink.apache.org" and identity.kind in _JOBS


def not_told(wanted: Object, identity: Identity, differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """The differences without empty maps that are not there, where they mean nothing."""
    if not means_nothing(identity):
        return differences
    of_value = (Kind.missing, Kind.changed)
    return tuple(one for one in differences if one.kind not in of_value or not _is_empty(_at(wanted, one.path)))


def _is_empty(value: Json) -> bool:
    """Whether it is a map that holds nothing, or nothing but such maps."""
    return isinstance(value, dict) and all(map(_is_empty, value.values()))


def _at(body: Json, path: Path) -> Json:
    for step in path:
        if not isinstance(body, dict):
            return None
        body = body.get(step)
    return body


def _without(value: Object, path: Path, emptied: frozenset[Path]) -> Object:
    kept: Object = {}
    for key, below in value.items():
        if (*path, key) in emptied:
            continue
        rest = _without(below, (*path, key), emptied) if isinstance(below, dict) else below
        if rest != {} or below == {}:
            kept[key] = rest
    return kept
