"""TaskManagers that do not come up while their job waits for them: told as Kubernetes tells of them.

Only where the JobManager serves and the job is not running: a job that runs has what it needs, and a TaskManager that
comes late is no failure. The job is not given up for it; whatever is told ends with the pod that had it.
"""

from operator_core.decide import podfailures, verdicts
from operator_core.decide.decisions import Event
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job
from operator_core.decide.podfailures import PodFailure
from operator_core.jsonvalues import Object
from operator_core.model.statuses import TERMINAL_JOB_STATES

_COMPONENT = "TaskManager"


def verdict(facts: Facts) -> verdicts.Waiting | None:
    """What the job waits for; None: it runs or has ended, or nothing is wrong with its TaskManagers."""
    job = facts.flink.job
    if not isinstance(job, Job) or job.reported_state in ("RUNNING", *TERMINAL_JOB_STATES):
        return None
    found = [(pod, failure) for pod in facts.worker_pods if (failure := podfailures.of_worker(pod)) is not None]
    if not found:
        return None
    pod, failure = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return verdicts.Waiting(failure.reason, f"The job waits for TaskManagers: {_told(pod, failure)}{more}")


def events(facts: Facts, told: verdicts.Waiting | None) -> tuple[Event, ...]:
    """An event for what the status does not say yet."""
    if told is None or any(told.reason == known.reason for known in facts.status.conditions):
        return ()
    return (Event("Warning", told.reason, told.message, _COMPONENT, key=told.reason),)


def _told(pod: Object, failure: PodFailure) -> str:
    return f"{pod['metadata']['name']}: {failure.message}"
