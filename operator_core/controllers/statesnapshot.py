"""One pass over one FlinkStateSnapshot: gather, decide, act, until there is nothing to do but wait.

The status is written before Flink is asked for the snapshot. Labels follow the status, as the Java operator keeps
them; the finalizer is there before anything is taken or called complete.
"""

import logging
from dataclasses import dataclass, replace

from operator_core.build import snapshots
from operator_core.controllers import observe, passes, sessionpasses, snapshotlooks, snapshotresources
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide import observing, snapshotdeletions, snapshotrules, statesnapshots
from operator_core.decide.flinkfacts import Trigger, Unreachable
from operator_core.decide.jobfacts import JobFacts
from operator_core.decide.statesnapshots import SnapshotFacts, SnapshotStep
from operator_core.errors import Reason, Stalled
from operator_core.flink import errors as flink_errors
from operator_core.flink import requests as flink_requests
from operator_core.flink.rest import Address
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots
from operator_core.model.flinkstatesnapshots import FINALIZER, FlinkStateSnapshotSpec, FlinkStateSnapshotStatus
from operator_core.model.statuses import CommonStatus
from operator_core.outcomes import After, Done, Outcome

log = logging.getLogger(__name__)

KIND = flinkstatesnapshots.KIND
_STEPS = 12
_AGAIN_SOON = 0.05
_RETRY = 1.0


@dataclass(slots=True)
class _Pass:
    """`status` is the working copy; None was never written."""

    resource: Object
    status: FlinkStateSnapshotStatus

    @property
    def name(self) -> str:
        return str(self.resource["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.resource["metadata"]["namespace"])


def reconcile(session: SessionWorld, namespace: str, name: str) -> Outcome:
    """One pass. Raises AgentError for what the loop backs off from."""
    world = session.world
    resource = world.snapshots.get(namespace, name) if world.snapshots is not None else None
    if resource is None:
        return Done()
    run = _Pass(resource, _status_of(resource))
    try:
        return _steps(session, run)
    except (errors.Conflict, errors.NotFound):
        return After(_AGAIN_SOON)
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError) as error:
        log.info("%s %s/%s: %s", KIND, namespace, name, error.message)
        _publish(world, run)
        return After(_RETRY)


def _steps(session: SessionWorld, run: _Pass) -> Outcome:
    world = session.world
    for _ in range(_STEPS):
        facts, step = _decide(session, run)
        run.status = step.status
        for event in step.events:
            world.events.event(
                run.resource, event.type, event.reason, event.message, key=event.key, component=event.component
            )
        match step.decision:
            case statesnapshots.Rest(seconds):
                if FINALIZER not in dig(run.resource, "metadata", "finalizers", default=[]):
                    _describe(world, run, facts)
                _publish(world, run)
                _describe(world, run, facts)
                return Done() if seconds is None else After(seconds)
            case statesnapshots.Take(effect, recorded):
                if not recorded:
                    _describe(world, run, facts)
                    _publish(world, run)
                    world.reach("snapshot-recorded")
                snapshotresources.trigger(world, _address(facts), effect)
            case statesnapshots.Dispose(path):
                answer = world.flink.send(_address(facts), flink_requests.dispose(path))
                run.status = run.status.model_copy(update={"trigger_id": str(answer.get("request-id") or "")})
                _publish(world, run)
            case statesnapshots.Release():
                _release(world, run)
                return Done()
            case statesnapshots.LookAtTrigger() | statesnapshots.LookAtDisposal():
                raise Stalled(Reason.InternalError, f"a decision about snapshot {run.name} asks the same again")
    return After(_AGAIN_SOON)


def _decide(session: SessionWorld, run: _Pass) -> tuple[SnapshotFacts, SnapshotStep]:
    """The next step, after the looks it asks for."""
    facts, world = _facts(session, run), session.world
    decide = snapshotdeletions.decide if run.resource["metadata"].get("deletionTimestamp") else statesnapshots.decide
    step = decide(facts)
    if isinstance(step.decision, statesnapshots.LookAtTrigger):
        facts = replace(facts, trigger=_trigger(world, facts))
        step = decide(facts)
    if isinstance(step.decision, statesnapshots.LookAtDisposal):
        facts = replace(facts, disposal=_disposal(world, facts))
        step = decide(facts)
    return facts, step


def _facts(session: SessionWorld, run: _Pass) -> SnapshotFacts:
    world, job = session.world, _job(session, run.resource)
    spec, invalid = _spec_of(run.resource)
    if spec is not None:
        started = run.status.state != "TRIGGER_PENDING"
        invalid = snapshotrules.problem(spec, run.namespace, started=started, target_exists=job is not None)
    return SnapshotFacts(
        resource=run.resource,
        spec=spec,
        invalid=invalid,
        status=run.status,
        job=job,
        serves=job is not None and observing.serves(job),
        now=world.clock.now(),
        new_id=world.new_id(),
    )


def _job(session: SessionWorld, resource: Object) -> JobFacts[CommonStatus] | None:
    """The facts of the job that the snapshot names."""
    reference = dig(resource, "spec", "jobReference", default={})
    namespace, name = resource["metadata"]["namespace"], str(reference.get("name") or "")
    match reference.get("kind"):
        case flinkdeployments.KIND:
            job = session.world.resources.get(namespace, name)
            return None if job is None else passes.facts(session.world, passes.begin(session.world, job))
        case flinksessionjobs.KIND:
            job = session.jobs.get(namespace, name)
            return None if job is None else sessionpasses.facts(session, sessionpasses.begin(session, job))
        case _:
            return None


def _spec_of(resource: Object) -> tuple[FlinkStateSnapshotSpec | None, str | None]:
    try:
        parsed = flinkstatesnapshots.parse({key: value for key, value in resource.items() if key != "status"})
        return parsed.spec, None
    except Stalled as error:
        return None, error.message


def _status_of(resource: Object) -> FlinkStateSnapshotStatus:
    body = {"metadata": resource["metadata"], "status": resource.get("status") or {}}
    return flinkstatesnapshots.parse(body).status or FlinkStateSnapshotStatus()


def _address(facts: SnapshotFacts) -> Address:
    if facts.job is None:
        raise ValueError("nobody can be asked about a job that is gone")
    return observe.address_of(facts.job)


def _trigger(world: World, facts: SnapshotFacts) -> Trigger | Unreachable:
    job_id = facts.job.status.job_status.job_id if facts.job is not None else None
    ask = snapshotlooks.checkpoint if facts.kind == "checkpoint" else snapshotlooks.savepoint
    try:
        return ask(world.flink, _address(facts), job_id or "", facts.status.trigger_id or "")
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError) as error:
        return Unreachable(error.message)


def _disposal(world: World, facts: SnapshotFacts) -> Trigger | Unreachable:
    try:
        return snapshotlooks.disposal(world.flink, _address(facts), facts.status.trigger_id or "")
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError) as error:
        return Unreachable(error.message)


def _publish(world: World, run: _Pass) -> None:
    """Write the status if it differs from what the API server has. Raises Conflict."""
    body = run.status.to_json()
    if body == (run.resource.get("status") or FlinkStateSnapshotStatus().to_json()):
        return
    whole = {**run.resource, "status": body}
    request = requests.replace(requests.FLINK_STATE_SNAPSHOTS, whole, subresource="status", field_manager=FIELD_MANAGER)
    _accept(world, run, world.api.send(request))


def _describe(world: World, run: _Pass, facts: SnapshotFacts) -> None:
    """Finalizer and labels; a snapshot that was refused gets neither, so that nothing stands in its way."""
    if facts.invalid is not None or facts.spec is None or run.resource["metadata"].get("deletionTimestamp"):
        return
    meta = run.resource["metadata"]
    known, finalizers = meta.get("labels") or {}, meta.get("finalizers") or []
    reference = facts.spec.job_reference
    wanted = snapshots.labels(
        (reference.kind if reference else None) or "",
        (reference.name if reference else None) or "",
        facts.kind,
        known.get(statesnapshots.TRIGGER_LABEL) or "MANUAL",
        run.status.state,
    )
    wanted = {key: value for key, value in wanted.items() if value}
    patch: Object = {"resourceVersion": meta["resourceVersion"]}
    if any(known.get(key) != value for key, value in wanted.items()):
        patch["labels"] = wanted
    if FINALIZER not in finalizers:
        patch["finalizers"] = [*finalizers, FINALIZER]
    if len(patch) > 1:
        _patch(world, run, {"metadata": patch})


def _release(world: World, run: _Pass) -> None:
    meta = run.resource["metadata"]
    others = [name for name in meta.get("finalizers") or [] if name != FINALIZER]
    _patch(world, run, {"metadata": {"finalizers": others, "resourceVersion": meta["resourceVersion"]}})


def _patch(world: World, run: _Pass, body: Object) -> None:
    request = requests.merge_patch(
        requests.FLINK_STATE_SNAPSHOTS, run.namespace, run.name, body, field_manager=FIELD_MANAGER
    )
    _accept(world, run, world.api.send(request))


def _accept(world: World, run: _Pass, answer: Object) -> None:
    ending = bool(answer["metadata"].get("deletionTimestamp")) and not answer["metadata"].get("finalizers")
    if world.snapshots is not None and not ending:
        world.snapshots.observed(answer)
    run.resource = answer
