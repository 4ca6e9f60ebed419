"""What kind of work a change of spec is (operator behaviour: the spec diff table of the Java operator).

Compares two specs field by field; the kind of the whole is the highest kind of any field. Shared by the
reconciler and by gitsync's planner, so that a plan says what the operator will do. Carries field
paths, never values: a diff is told in events, plans and notes. Knows nothing of live jobs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from operator_core.conf import flattening
from operator_core.jsonvalues import Json, Object, dig
from operator_core.model import lastspecs


class DiffType(IntEnum):
    """Kinds of change, from no work to the most."""

    IGNORE = 0
    SCALE = 1
    UPGRADE = 2
    SAVEPOINT_REDEPLOY = 3


@dataclass(frozen=True, slots=True)
class SpecDiff:
    """The kind of the whole change and the paths that differ, in the order of the spec's fields."""

    type: DiffType
    paths: tuple[str, ...]
    spec: str = "FlinkDeploymentSpec"

    @property
    def text(self) -> str:
        """The text of the SpecChanged event, as the Java operator's but without values."""
        fields = ", ".join(self.paths)
        return f"{self.type.name} change(s) detected (Diff: {self.spec}[{fields}]), starting reconciliation."


_RERUNS = frozenset(("restartNonce", "job.savepointRedeployNonce"))
HOW_TO_RERUN = "change restartNonce to run it again"


def asks_for_rerun(diff: SpecDiff) -> bool:
    """Whether a change asks for a finished job to be run again."""
    return not _RERUNS.isdisjoint(diff.paths)


_IGNORED_JOB_FIELDS = frozenset(
    (
        "upgradeMode",
        "allowNonRestoredState",
        "initialSavepointPath",
        "savepointTriggerNonce",
        "checkpointTriggerNonce",
        "autoscalerResetNonce",
    )
)
_CONFIGURATION_PREFIXES: tuple[tuple[str, DiffType], ...] = (
    ("job.autoscaler", DiffType.IGNORE),
    ("parallelism.default", DiffType.IGNORE),
    ("kubernetes.operator", DiffType.IGNORE),
)
_BESIDE_THE_JOB = frozenset(("ingress",))
"""Changed in place (the Java operator deploys again for it)."""
_OVERRIDES = "pipeline.jobvertex-parallelism-overrides"

Change = tuple[str, DiffType]
_KindOf = Callable[[str, Json], DiffType]


def classify(old: Object, new: Object) -> SpecDiff:
    """The difference between two specs; defaults written or left out make no difference."""
    before, after = lastspecs.canonical(old), lastspecs.canonical(new)
    native = (after.get("mode") or "native") == "native"
    changes = tuple(_changes(before, after, native))
    return SpecDiff(
        type=max((kind for _, kind in changes), default=DiffType.IGNORE),
        paths=tuple(path for path, _ in changes),
        spec="FlinkSessionJobSpec" if "deploymentName" in new else "FlinkDeploymentSpec",
    )


def _changes(before: Object, after: Object, native: bool) -> Iterator[Change]:
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field), after.get(field)
        match field:
            case "job":
                yield from _members(field, old, new, lambda name, value: _job_kind(name, value, native))
            case "taskManager":
                yield from _members(field, old, new, lambda name, _: _task_manager_kind(name, native))
            case "flinkConfiguration":
                yield from _configuration(old, new, native)
            case "restartNonce":
                if old != new:
                    yield field, DiffType.IGNORE if new is None else DiffType.UPGRADE
            case "mode":
                if (old or "native") != (new or "native"):
                    yield field, DiffType.UPGRADE
            case _:
                if not _equal(old, new):
                    kind = DiffType.IGNORE if field in _BESIDE_THE_JOB else DiffType.UPGRADE
                    yield from ((path, kind) for path in _paths(field, old, new))


def _members(field: str, old: Json, new: Json, kind_of: _KindOf) -> Iterator[Change]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield field, DiffType.UPGRADE
        return
    for name in dict.fromkeys((*old, *new)):
        if not _equal(old.get(name), new.get(name)):
            kind = kind_of(name, new.get(name))
            yield from ((path, kind) for path in _paths(f"{field}.{name}", old.get(name), new.get(name)))


def _job_kind(name: str, value: Json, native: bool) -> DiffType:
    if name in _IGNORED_JOB_FIELDS:
        return DiffType.IGNORE
    if name == "savepointRedeployNonce":
        return DiffType.IGNORE if value is None else DiffType.SAVEPOINT_REDEPLOY
    if name == "parallelism":
        return DiffType.UPGRADE if native else DiffType.SCALE
    return DiffType.UPGRADE


def _task_manager_kind(name: str, native: bool) -> DiffType:
    return DiffType.SCALE if name == "replicas" and not native else DiffType.UPGRADE


def _configuration(old: Json, new: Json, native: bool) -> Iterator[Change]:
    before, after = flattening.flatten(old or {}), flattening.flatten(new or {})
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield f"flinkConfiguration.{key}", _option_kind(key, native)


def _option_kind(key: str, native: bool) -> DiffType:
    for prefix, kind in _CONFIGURATION_PREFIXES:
        if key.startswith(prefix):
            return kind
    return DiffType.SCALE if native and key.startswith(_OVERRIDES) else DiffType.UPGRADE


def _paths(path: str, old: Json, new: Json) -> Iterator[str]:
    """The leaves below `path` that differ; lists are told as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            if not _equal(old.get(name), new.get(name)):
                yield from _paths(f"{path}.{name}", old.get(name), new.get(name))
        return
    yield path


def _equal(old: Json, new: Json) -> bool:
    """Equal up to the ways of writing one number: 1 and 1.0 (JSON has one number type)."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_equal(old.get(name), new.get(name)) for name in {*old, *new})
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_equal(a, b) for a, b in zip(old, new, strict=True))
    return bool(old == new)


def desired_state(spec: Object) -> str:
    """`running` or `suspended`, what the spec asks for."""
    return str(dig(spec, "job", "state", default="running"))
