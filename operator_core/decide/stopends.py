"""What the statistics of a job prove that ended while it was being stopped with a savepoint.

It may have ended by the stop, by itself or by a failure, and the answer about the trigger may be lost. Flink counts the
savepoint of a stop among the run's completed snapshots, so a run that completed none has none; a job that came to its
end by itself keeps no checkpoint, and the savepoint of a stop would stand. Nothing is proven by a run that another
JobManager took over: it knows only what it did itself.
"""

from operator_core.decide import leftstates
from operator_core.decide.flinkfacts import Checkpoints, Job
from operator_core.decide.jobfacts import JobFacts, S


def is_same_run(facts: JobFacts[S], job: Job) -> bool:
    """Whether this is the run whose start the status recorded before the trigger."""
    return str(job.start) == facts.status.job_status.start_time


def is_finished(facts: JobFacts[S], job: Job) -> bool:
    """Whether the job came to its end by itself before the stop took anything."""
    found = _proof(facts, job)
    return job.state == "FINISHED" and found is not None and found.newest is None


def left_nothing(facts: JobFacts[S], job: Job) -> bool:
    """Whether the run neither completed a snapshot nor was given one: it is as good as never begun."""
    found = _proof(facts, job)
    return found is not None and found.completed == 0 and leftstates.newest_of(found) is None


def _proof(facts: JobFacts[S], job: Job) -> Checkpoints | None:
    """The statistics, where they are of the whole run; a result that outlived its JobManager lists no tasks."""
    found = facts.flink.checkpoints
    whole = job.tasks_total > 0 and is_same_run(facts, job)
    return found if whole and isinstance(found, Checkpoints) else None
