"""What a change of a FlinkDeployment or FlinkSessionJob manifest will do to its job, before anything is applied.

The planner's view of the same rules the reconciler follows (`specdiff`, `upgrades`, `validation`): two
manifests, and the live resource where it is known. Tells field paths and effects, never values. What
only Flink can tell at the moment of the change (does the job run then?) is taken from the live status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from operator_core.conf import defaults as layers
from operator_core.conf import effective, options
from operator_core.conf.defaults import Defaults
from operator_core.decide import (
    autoscaled,
    memories,
    renames,
    scalings,
    sessionrules,
    snapshotrecords,
    specdiff,
    standalone,
    validation,
)
from operator_core.decide.records import STOPPED_BY_HAND
from operator_core.decide.wanted import ON_DELETE
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments, flinksessionjobs, lastspecs
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import TERMINAL_JOB_STATES


class Effect(StrEnum):
    """Effects as plans, records and notes name them."""

    NONE = "none"
    SCALE_IN_PLACE = "scale-in-place"
    UPGRADE_SAVEPOINT = "upgrade-savepoint"
    UPGRADE_LAST_STATE = "upgrade-last-state"
    RESTART_STATELESS = "restart-stateless"
    REDEPLOY = "redeploy"
    SUSPEND = "suspend"
    RESUME = "resume"
    CREATE = "create"
    DELETE = "delete"
    STATE_LOSS = "state-loss"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class JobEffect:
    """What happens to the job, why, and which fields make it so (paths, never values)."""

    effect: Effect
    reason: str
    changes: tuple[str, ...] = ()


def effect_of(
    old: Object | None,
    new: Object | None,
    *,
    live: Object | None = None,
    defaults: Defaults = layers.NONE,
) -> JobEffect:
    """The effect of replacing manifest `old` by `new` (None: absent).

    `live` is the resource as the API server has it: what it records as deployed replaces `old` in the comparison.
    `defaults` is what holds below every resource.
    """
    if new is None:
        return _deletion(live or old)
    last = _last(live)
    rejected = _rejection(new, last, defaults)
    if rejected is not None:
        return JobEffect(Effect.REJECTED, rejected)
    new_spec = new.get("spec") or {}
    before = last.spec if last is not None else dig(old, "spec") if live is None else None
    if before is None:
        return _creation(new, new_spec)
    decided = autoscaled.masked(new_spec, before, _conf(new, defaults)) if last is not None else new_spec
    diff = specdiff.classify(before, decided)
    if new_spec.get("job") is None:
        return _session_change(new, diff, defaults)
    was_up = specdiff.desired_state(before) == "running"
    goes_up = specdiff.desired_state(new_spec) == "running"
    if was_up and not goes_up:
        return JobEffect(Effect.SUSPEND, _suspension(new_spec), diff.paths)
    if not was_up and goes_up:
        return _resumption(before, new_spec, diff)
    if not was_up:
        return JobEffect(Effect.NONE, "the job is suspended and stays so", diff.paths)
    if diff.type is specdiff.DiffType.IGNORE:
        return JobEffect(Effect.NONE, _taken(before, new_spec) or "nothing that runs is touched", diff.paths)
    if _is_done(live) and not specdiff.asks_for_rerun(diff):
        reason = f"the job has finished and is not run again by this; {specdiff.HOW_TO_RERUN}"
        return JobEffect(Effect.NONE, reason, diff.paths)
    return _upgrade(before, old, new, live, diff, defaults)


def _taken(before: Object, spec: Object) -> str:
    """What nonces ask of a job that runs; "" when they ask nothing."""
    asked = [
        f"a {kind} is taken"
        for kind, field in snapshotrecords.NONCES.items()
        if dig(spec, "job", field) is not None and dig(spec, "job", field) != dig(before, "job", field)
    ]
    return f"{' and '.join(asked)}; the job goes on running" if asked else ""


def _session_change(new: Object, diff: specdiff.SpecDiff, defaults: Defaults) -> JobEffect:
    if diff.type is specdiff.DiffType.IGNORE:
        return JobEffect(Effect.NONE, "nothing that runs is touched", diff.paths)
    if diff.type is specdiff.DiffType.SCALE and new["spec"].get("mode") == "standalone":
        return JobEffect(Effect.SCALE_IN_PLACE, "TaskManagers are added or removed; the cluster stays", diff.paths)
    what = "the session cluster is deployed again"
    if options.has_high_availability(_conf(new, defaults)):
        return JobEffect(Effect.REDEPLOY, f"{what}; high availability recovers the jobs on it", diff.paths)
    return JobEffect(
        Effect.REDEPLOY,
        f"{what}; its jobs with state are stopped with it first and submitted again from it, others begin anew",
        diff.paths,
    )


def _deletion(gone: Object | None) -> JobEffect:
    if gone is None:
        return JobEffect(Effect.NONE, "there is nothing to delete")
    if dig(gone, "spec", "job") is None:
        return JobEffect(Effect.DELETE, "the session cluster is deleted once no session job refers to it")
    if dig(gone, "metadata", "annotations", ON_DELETE) == "savepoint":
        return JobEffect(Effect.DELETE, "the job is stopped with a savepoint, then deleted")
    return JobEffect(Effect.DELETE, "the job is cancelled and deleted; no savepoint is taken")


def _creation(new: Object, spec: Object) -> JobEffect:
    if spec.get("job") is None:
        return JobEffect(Effect.CREATE, "the session cluster is created")
    if specdiff.desired_state(spec) != "running":
        return JobEffect(Effect.CREATE, "the job is created suspended")
    if (before := renames.name_before(new)) and _mode(spec) != "stateless":
        return JobEffect(Effect.CREATE, f"the job goes on from the savepoint with which {before} is deleted")
    if dig(spec, "job", "initialSavepointPath"):
        return JobEffect(Effect.CREATE, "the job starts from initialSavepointPath")
    return JobEffect(Effect.CREATE, "the job starts without state")


def _suspension(spec: Object) -> str:
    mode = _mode(spec)
    return (
        "the job stops and its state is dropped"
        if mode == "stateless"
        else f"the job stops, its state is kept ({mode})"
    )


def _resumption(before: Object, spec: Object, diff: specdiff.SpecDiff) -> JobEffect:
    if _mode(spec) == "stateless" and _mode(before) != "stateless":
        return JobEffect(Effect.STATE_LOSS, "the job was stopped with state and resumes without", diff.paths)
    return JobEffect(Effect.RESUME, f"the job resumes ({_mode(before)})", diff.paths)


def _upgrade(
    before: Object,
    old: Object | None,
    new: Object,
    live: Object | None,
    diff: specdiff.SpecDiff,
    defaults: Defaults,
) -> JobEffect:
    spec = new["spec"]
    mode = _mode(spec)
    if (how := _scales(before, new, live, diff, defaults)) is not None:
        return JobEffect(Effect.SCALE_IN_PLACE, how, diff.paths)
    if diff.type is specdiff.DiffType.SAVEPOINT_REDEPLOY:
        return JobEffect(Effect.REDEPLOY, "the job is deployed again from initialSavepointPath", diff.paths)
    if mode == "stateless":
        had_state = any(_mode(each) != "stateless" for each in (dig(old, "spec"), dig(live, "spec")) if each)
        if had_state:
            return JobEffect(
                Effect.STATE_LOSS, "upgradeMode became stateless: the job restarts without state", diff.paths
            )
        return JobEffect(Effect.RESTART_STATELESS, "the job restarts without state", diff.paths)
    state = dig(live, "status", "jobStatus", "state")
    if dig(live, "status", "jobManagerDeploymentStatus") == "ERROR":
        return JobEffect(
            Effect.REDEPLOY, "the JobManager does not come up; deployed again from the recorded state", diff.paths
        )
    if state in TERMINAL_JOB_STATES:
        return JobEffect(Effect.REDEPLOY, "the job has ended; deployed again from its newest snapshot", diff.paths)
    changed = before.get("flinkVersion") != spec.get("flinkVersion")
    if mode == "savepoint" and state not in (None, "RUNNING", "RECONCILING", "CREATED", "INITIALIZING"):
        return JobEffect(
            Effect.UPGRADE_LAST_STATE, f"the job is {state}: continued from its newest checkpoint", diff.paths
        )
    if mode == "savepoint":
        return JobEffect(Effect.UPGRADE_SAVEPOINT, "stopped with a savepoint and continued from it", diff.paths)
    if changed and _has_savepoint_dir(new, defaults):
        return JobEffect(Effect.UPGRADE_SAVEPOINT, "flinkVersion changes: a savepoint is taken", diff.paths)
    return JobEffect(Effect.UPGRADE_LAST_STATE, "stopped and continued from its newest checkpoint", diff.paths)


def _is_done(live: Object | None) -> bool:
    """Whether the job came to its end by itself, nobody having stopped it with a savepoint."""
    stopped = STOPPED_BY_HAND in memories.of_resource(live)
    return dig(live, "status", "jobStatus", "state") == "FINISHED" and not stopped


def _scales(
    before: Object, new: Object, live: Object | None, diff: specdiff.SpecDiff, defaults: Defaults
) -> str | None:
    """How the job is scaled in place, as far as can be told before; None: it is not."""
    if diff.type is not specdiff.DiffType.SCALE or new.get("kind") == flinksessionjobs.KIND:
        return None
    spec, state = new["spec"], dig(live, "status", "jobStatus", "state")
    if spec.get("mode") == "standalone":
        how = "TaskManagers are added or removed; the reactive scheduler rescales the job"
        return how if standalone.scales_in_place(spec, _conf(new, defaults)) else None
    if live is not None and (state in TERMINAL_JOB_STATES or state in (None, "RECONCILING")):
        return None
    possible = scalings.is_possible(spec, diff, _conf({**new, "spec": before}, defaults), _conf(new, defaults))
    return "the adaptive scheduler rescales the running job" if possible else None


def _rejection(new: Object, last: LastSpec | None, defaults: Defaults) -> str | None:
    """Why the manifest would be refused. Status and server-side metadata of a manifest play no part."""
    manifest = {key: value for key, value in new.items() if key != "status"}
    try:
        if new.get("kind") == flinksessionjobs.KIND:
            found = sessionrules.validate(flinksessionjobs.parse(manifest), last, None, defaults)
        else:
            found = validation.validate(flinkdeployments.parse(manifest), last, defaults)
    except Stalled as error:
        return error.message
    return "; ".join(found) or None


def _last(live: Object | None) -> LastSpec | None:
    text = dig(live, "status", "reconciliationStatus", "lastReconciledSpec")
    if not text:
        return None
    try:
        return lastspecs.decode(str(text))
    except Stalled:
        return None


def _has_savepoint_dir(new: Object, defaults: Defaults) -> bool:
    return options.is_set(_conf(new, defaults), options.SAVEPOINT_DIR)


def _conf(new: Object, defaults: Defaults) -> Mapping[str, str]:
    parsed = flinkdeployments.parse({key: value for key, value in new.items() if key != "status"})
    meta = parsed.metadata
    return effective.effective(parsed.spec, name=meta.name, namespace=meta.namespace, defaults=defaults)


def _mode(spec: Object) -> str:
    return str(dig(spec, "job", "upgradeMode", default="stateless"))
