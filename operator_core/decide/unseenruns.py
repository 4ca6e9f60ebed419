"""Whether a recorded submission may have run on a JobManager that is gone, seen by nobody.

A submission is repeated under its own job id, which a JobManager takes only once. One without high availability that
was replaced meanwhile, its container started again or its pod another one, took the ids it had seen with it: what it
ran, and how far, nobody knows. So the record remembers for which one it was made. Configuration never proves that such
a run saved nothing: every mode with state has a checkpoint directory (`specrules`). Compares no clocks.
"""

from collections.abc import Mapping

from operator_core.conf import options
from operator_core.decide import memories, podfailures, records
from operator_core.decide.sessionfacts import SessionFacts, SubmissionFailed
from operator_core.jsonvalues import Object, dig
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus

_MAIN = "flink-main-container"


def noted(facts: SessionFacts, status: FlinkSessionJobStatus) -> FlinkSessionJobStatus:
    """The record of a submission with the JobManager that serves now."""
    return memories.remembering(status, {**memories.of(status), records.SUBMITTED_TO: _job_manager(facts)})


def forgotten(status: FlinkSessionJobStatus) -> FlinkSessionJobStatus:
    """The status once the job is known to run."""
    return memories.remembering(status, _without(memories.of(status)))


def is_possible(facts: SessionFacts, failed: SubmissionFailed | None) -> bool:
    """Whether a job that is not listed may have run; not where every try of this process `failed` on the way there."""
    before = memories.of(facts.status).get(records.SUBMITTED_TO)
    if before is None or before == _job_manager(facts) or options.has_high_availability(facts.last_conf):
        return False
    return failed is None or not failed.unsent


def _job_manager(facts: SessionFacts) -> str:
    """Pod and start of the JobManager that serves; "" for none."""
    ready = [pod for pod in facts.pods if podfailures.is_ready(pod)]
    return ",".join(sorted(f"{dig(pod, 'metadata', 'uid')}/{_restarts(pod)}" for pod in ready))


def _restarts(pod: Object) -> int:
    containers = dig(pod, "status", "containerStatuses", default=[])
    return sum(int(each.get("restartCount") or 0) for each in containers if each.get("name") == _MAIN)


def _without(info: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in info.items() if key != records.SUBMITTED_TO}
