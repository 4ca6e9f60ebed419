"""What to do next for a session cluster, a FlinkDeployment without a job: Facts in, one Step out.

A session cluster holds no state of its own, so its protocol is short: the record of a deployment names spec and
generation, a cluster of another generation is deleted, then the recorded one is made. HA metadata of its jobs
stays until the resource goes. It is not deleted while FlinkSessionJobs name it or jobs run on it (Java
operator: session.deletion.*). Knows nothing of how session jobs are submitted.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    deletions,
    ingresses,
    mounts,
    observing,
    podfailures,
    remarks,
    sessionguards,
    sessionrecords,
    specdiff,
    standalone,
    starts,
    steps,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import AddFinalizer, CreateCluster, DeleteCluster, Event, FinishCluster, Rest, Step
from operator_core.decide.facts import Facts
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.flinkdeployments import FINALIZER, GENERATION_ANNOTATION

_GONE_RECHECK = 30.0
_BLOCKED_RECHECK = 15.0
_JOBS_RECHECK = 10.0
_NAMED = 5
_LOSS = f"To go on without: set the annotation {wanted.ACCEPT_STATE_LOSS}: <any id> on this FlinkDeployment"


def decide(facts: Facts) -> Step:
    """The next step."""
    observed = observing.observe_session(facts)
    facts = replace(facts, status=observed.status)
    step = _decide(facts, observed.failure)
    return Step(step.decision, step.status, (*observed.events, *step.events))


def _decide(facts: Facts, failure: podfailures.PodFailure | None) -> Step:
    if facts.deleting:
        return _delete(facts)
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(AddFinalizer(), facts.status)
    if facts.last is None and facts.invalid is not None:
        return steps.rest(facts, None)
    want = wanted.wanted(facts)
    match phase_of(facts.status, facts.last):
        case Phase.NEW:
            return starts.taken(facts) or standalone.taken(facts) or _record(facts, want, None)
        case Phase.DEPLOYED:
            return _deployed(facts, want, failure)
        case Phase.DEPLOYING:
            return _deploying(facts, want)
        case _:
            return _record(facts, want, None)


def _record(
    facts: Facts,
    want: Wanted,
    then: DeleteCluster | None,
    events: tuple[Event, ...] = (),
    *,
    verdict: verdicts.Verdict | None = None,
) -> Step:
    """Record what is to stand; whatever else stands is deleted after it."""
    status = sessionrecords.deploying(facts, want.spec, want.generation)
    submit = Event("Normal", "Submit", "Starting deployment", observing.JOB_MANAGER)
    told = (*events, submit, *remarks.at_deployment(facts, want))
    return steps.record(facts, status, then, failpoint="deploy-recorded", verdict=verdict, events=told)


def _deploying(facts: Facts, want: Wanted) -> Step:
    """A deployment is recorded: remove what is older, create it, or finish it."""
    if isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    cluster = facts.live_deployment
    if cluster is None:
        if (left := standalone.leftover(facts)) is not None:
            return left
        if want.generation != facts.status.observed_generation:
            return _record(facts, want, None)
        return Step(cluster_of(facts), facts.status)
    if dig(cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK, status=sessionrecords.missing(facts.status))
    if not deletions.is_ours(facts):
        return starts.taken(facts) or steps.rest(facts, _GONE_RECHECK)
    uid = str(dig(cluster, "metadata", "uid"))
    if dig(cluster, "metadata", "annotations", GENERATION_ANNOTATION) != str(facts.status.observed_generation):
        return Step(_deletion(facts, cluster), sessionrecords.missing(facts.status))
    return Step(FinishCluster(cluster_of(facts), uid), facts.status)


def cluster_of(facts: Facts) -> CreateCluster:
    """What the newest record says to create; the same after a crash as before it."""
    last = steps.last_of(facts.status)
    if last is None:
        raise ValueError("no deployment is recorded")
    generation = facts.status.observed_generation or 0
    return CreateCluster(spec=last.spec, generation=generation, job_id="", savepoint_path=None, last_state=False)


def _deployed(facts: Facts, want: Wanted, failure: podfailures.PodFailure | None) -> Step:
    """The cluster stands, or stood. Look at it, then carry out what the spec changed."""
    if facts.cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if dig(facts.cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK)
    if observing.serves(facts) and isinstance(facts.flink.version, Unread):
        return steps.look(facts, Need.VERSION)
    diff = specdiff.classify(facts.last.spec if facts.last else {}, want.spec)
    if diff.type > specdiff.DiffType.IGNORE:
        return _change(facts, want, diff)
    facts = replace(facts, status=facts.status.model_copy(update={"observed_generation": want.generation}))
    if facts.cluster is None:
        return _missing(facts, want)
    beside = standalone.missing(facts) or standalone.unsettled(facts) or ingresses.step(facts, want)
    if beside is not None:
        return beside
    if failure is not None:
        return _broken(facts, failure)
    if mounts.are_due(facts):
        return steps.look(facts, Need.MOUNTS)
    waiting = podfailures.unschedulable(facts.pods)
    verdict = verdicts.Waiting("Unschedulable", waiting) if waiting else None
    return steps.rest(facts, mounts.pause(facts, cadence.session(facts)), verdict=verdict)


def _change(facts: Facts, want: Wanted, diff: specdiff.SpecDiff) -> Step:
    """The spec asks for another cluster; jobs that HA metadata knows are recovered by the new one."""
    if (scaled := standalone.scaled(facts, want, diff)) is not None:
        return scaled
    if facts.cluster is not None:
        if isinstance(facts.preflight, Unread):
            return steps.look(facts, Need.PREFLIGHT)
        if facts.preflight is not None:
            return steps.rest(facts, None, verdict=verdicts.Rejected(Reason.ValidationError, facts.preflight))
    guarded = _guard_jobs(facts, want)
    if isinstance(guarded, Step):
        return guarded
    event = remarks.changed(diff, want.generation)
    then = _deletion(facts, facts.cluster) if facts.cluster is not None else None
    return _record(facts, want, then, (event,), verdict=guarded)


def _guard_jobs(facts: Facts, want: Wanted) -> Step | verdicts.Answered | None:
    """A step while the replacement would cost a session job its state; else go on, perhaps because someone asked to."""
    if sessionguards.is_hopeless(facts.cluster, facts.pods, facts.now):
        return None
    if isinstance(facts.session_jobs, Unread):
        return steps.look(facts, Need.SESSION_JOBS)
    same = (facts.last.spec if facts.last else {}).get("flinkVersion") == want.spec.get("flinkVersion")
    recovers = sessionguards.recovers(facts.last_conf, facts.conf, same_version=same)
    held = sessionguards.holding(facts.session_jobs, recovers=recovers)
    asked = wanted.request(facts)
    if not held:
        return None
    if isinstance(asked, wanted.AcceptStateLoss):
        return verdicts.Answered(asked.id, "replacing the session cluster without waiting for its jobs")
    named = ", ".join(f"{job.name} {job.why}" for job in held[:_NAMED])
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    reason = sessionguards.JOBS_UNDER_WAY if recovers else sessionguards.WAITING_FOR_JOBS
    verdict = verdicts.Waiting(reason, f"The change waits for its session jobs: {named}{more}. {_LOSS}")
    return steps.rest(facts, _JOBS_RECHECK, verdict=verdict)


def _deletion(facts: Facts, cluster: Object) -> DeleteCluster:
    return standalone.deletion(facts, cluster, at_once=not options.has_high_availability(facts.last_conf))


def _missing(facts: Facts, want: Wanted) -> Step:
    """Somebody deleted the JobManager Deployment. Its jobs ended with it, so making it again loses nothing."""
    if not options.get_bool(facts.conf, options.RECOVERY_ENABLED):
        return steps.blocked(
            facts,
            Reason.Missing,
            f"{starts.MISSING}, and {options.RECOVERY_ENABLED.key} is false: change spec.restartNonce to deploy again",
        )
    told = (
        Event("Warning", Reason.Missing, starts.MISSING, observing.JOB_MANAGER),
        Event("Warning", "RecoverDeployment", "Recovering lost deployment", observing.JOB),
    )
    return _record(facts, want, None, told)


def _broken(facts: Facts, failure: podfailures.PodFailure) -> Step:
    if failure.reason == "CrashLoopBackOff" and isinstance(facts.crash_log, Unread):
        return steps.look(facts, Need.CRASH_LOG)
    message = f"{failure.message}: {facts.crash_log}" if isinstance(facts.crash_log, str) else failure.message
    pause = mounts.pause(facts, cadence.session(facts))
    return steps.rest(facts, pause, verdict=verdicts.Broken(failure.reason, message))


def _delete(facts: Facts) -> Step:
    """Wait for those who use the cluster, then tear down."""
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(Rest(None), facts.status)
    if not options.get_bool(facts.conf, options.SESSION_BLOCKED_BY_SESSION_JOBS) or facts.last is None:
        return deletions.without_job(facts)
    if isinstance(facts.session_jobs, Unread):
        return steps.look(facts, Need.SESSION_JOBS)
    if facts.session_jobs:
        names = ", ".join(str(job["metadata"]["name"]) for job in facts.session_jobs)
        return _in_use(facts, f"The session jobs [{names}] should be deleted first")
    if options.get_bool(facts.conf, options.SESSION_BLOCKED_BY_OTHER_JOBS) and observing.serves(facts):
        jobs = facts.flink.running
        if isinstance(jobs, Unread):
            return steps.look(facts, Need.RUNNING_JOBS)
        if isinstance(jobs, tuple) and jobs:
            named = ", ".join(jobs)
            return _in_use(
                facts, f"The session cluster has non terminated jobs [{named}] that should be cancelled first"
            )
    return deletions.without_job(facts)


def _in_use(facts: Facts, message: str) -> Step:
    step = steps.blocked(facts, Reason.CleanupFailed, message, seconds=_BLOCKED_RECHECK)
    by_operator = (replace(one, component=observing.OPERATOR) for one in step.events)
    return replace(step, events=(*deletions.announced(facts), *by_operator))
