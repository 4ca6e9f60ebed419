"""Changing the parallelism of a running job's vertices in place, through Flink's resource requirements.

Exactly where the Java operator does: native mode, adaptive scheduler, Flink 1.18 or later, and nothing but
`pipeline.jobvertex-parallelism-overrides` changed, none of them taken away. Everything else, and every refusal by
Flink, is a full upgrade. The bounds from before are recorded first: where the spec changes back before it could be
recorded as deployed, nothing else would tell that the job has the bounds of another.
"""

from collections.abc import Mapping

from operator_core.conf import flattening, options
from operator_core.decide import deploymentrecords, memories, observing, records, remarks, steps
from operator_core.decide.decisions import Event, RescaleJob, Step
from operator_core.decide.flinkfacts import Bounds, Job, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.specdiff import DiffType, SpecDiff
from operator_core.decide.wanted import Wanted
from operator_core.jsonvalues import Object
from operator_core.model import flinkversions
from operator_core.model.statuses import TERMINAL_JOB_STATES

_OLDEST = flinkversions.FlinkVersion(1, 18)


def scaled(facts: JobFacts[S], want: Wanted, diff: SpecDiff, reached: S) -> Step[S] | None:
    """Carry out changed overrides in place; None where the job must be upgraded for them.

    `reached` is the status that records the wanted spec as what is deployed.
    """
    job, found = facts.flink.job, facts.flink.requirements
    if not want.running or not isinstance(job, Job) or job.state in TERMINAL_JOB_STATES:
        return None
    cluster = _cluster(facts, want)
    if cluster is None or not is_possible(cluster, diff, facts.last_conf, facts.conf) or was_refused(facts):
        return None
    if isinstance(found, Unread):
        return steps.look(facts, Need.REQUIREMENTS)
    if isinstance(found, Unreachable):
        return None
    target = bounds(found, overrides(facts.conf))
    if target != found:
        told = (
            remarks.changed(diff, want.generation),
            Event("Normal", "Scaling", "In-place scaling triggered", observing.JOB),
        )
        rescale = RescaleJob(job.id, tuple(sorted(target.items())), want.generation)
        status = deploymentrecords.scaling(facts.status, _text(found))
        return steps.record(facts, status, rescale, events=told)
    return steps.record(facts, reached, None)


def _cluster(facts: JobFacts[S], want: Wanted) -> Object | None:
    """Mode and version of the cluster that the job runs on; None where they are not known."""
    if "deploymentName" not in want.spec:
        return want.spec
    cluster = facts.cluster_spec
    return {"mode": cluster.mode, "flinkVersion": cluster.flink_version} if cluster is not None else None


def unsettled(facts: JobFacts[S]) -> Step[S] | None:
    """Give the job the bounds that its recorded spec asks for, after a rescaling for one that never was recorded."""
    before, job, found = memories.of(facts.status).get(records.SCALING), facts.flink.job, facts.flink.requirements
    if before is None or not isinstance(job, Job) or job.state in TERMINAL_JOB_STATES:
        return None
    if isinstance(found, Unread):
        return steps.look(facts, Need.REQUIREMENTS)
    if isinstance(found, Unreachable):
        return None
    known = {vertex: bound for vertex, bound in _bounds_of(before).items() if vertex in found}
    target = bounds({**found, **known}, overrides(facts.last_conf))
    if target == found:
        return steps.record(facts, deploymentrecords.scaling_over(facts.status), None)
    return Step(RescaleJob(job.id, tuple(sorted(target.items())), facts.generation), facts.status)


def _text(found: Mapping[str, Bounds]) -> str:
    return ",".join(f"{vertex}:{bound.lower}-{bound.upper}" for vertex, bound in sorted(found.items()))


def _bounds_of(text: str) -> dict[str, Bounds]:
    """What `_text` wrote; what somebody else made of it is left out."""
    found: dict[str, Bounds] = {}
    for entry in text.split(","):
        vertex, _, pair = entry.partition(":")
        lower, _, upper = pair.partition("-")
        if lower.isdigit() and upper.isdigit():
            found[vertex] = Bounds(int(lower), int(upper))
    return found


def is_possible(spec: Object, diff: SpecDiff, last_conf: Mapping[str, str], conf: Mapping[str, str]) -> bool:
    """Whether the change can be made in place; `last_conf` is what is deployed, `conf` what is asked for."""
    if diff.type is not DiffType.SCALE or spec.get("mode") == "standalone":
        return False
    adaptive = (options.get(last_conf, options.SCHEDULER) or "").strip().lower() == "adaptive"
    version = flinkversions.parse(str(spec.get("flinkVersion")))
    if not adaptive or version < _OLDEST or not options.get_bool(conf, options.SCALING_IN_PLACE):
        return False
    before, after = overrides(last_conf), overrides(conf)
    return bool(after) and before.keys() <= after.keys()


def was_refused(facts: JobFacts[S]) -> bool:
    """Whether Flink refused to rescale the job for this generation, or a refusal could not be remembered."""
    refused = memories.of(facts.status).get(records.SCALING_REFUSED) == str(facts.generation)
    return refused or not memories.are_kept(facts.status)


def overrides(conf: Mapping[str, str]) -> dict[str, int]:
    """Parallelism by vertex id; entries that are no numbers are left to Flink's own complaint."""
    try:
        found = flattening.split_map(options.get(conf, options.PARALLELISM_OVERRIDES) or "")
    except ValueError:
        return {}
    return {vertex: int(value) for vertex, value in found.items() if value.strip().isdigit() and int(value) > 0}


def bounds(present: Mapping[str, Bounds], wanted: Mapping[str, int]) -> dict[str, Bounds]:
    """The requirements to set: the override is the upper bound, the lower one shrinks with it where it must."""
    return {
        vertex: Bounds(min(wanted[vertex], bound.lower), wanted[vertex]) if vertex in wanted else bound
        for vertex, bound in present.items()
    }
