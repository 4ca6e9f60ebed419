"""Asks Flink's REST what a decision about one job wants to know, whichever kind of resource the job has.

Every call is bounded; a Flink that does not answer is a fact, not an error. Decides nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from operator_core.controllers import snapshotlooks
from operator_core.controllers.world import FlinkRest
from operator_core.decide.flinkfacts import (
    Bounds,
    Checkpoints,
    Flink,
    Job,
    JobException,
    JobFailure,
    Metrics,
    Trigger,
    Unreachable,
    Version,
)
from operator_core.decide.needs import Need
from operator_core.flink import answers, errors, requests
from operator_core.flink.rest import Address
from operator_core.model.statuses import JobStatus

_HISTORY = 32
"""More than the 16 entries that Flink keeps by default (web.exception-history-size)."""
_CHECKPOINTING_OFF = "Checkpointing has not been enabled"

T = TypeVar("T")


def ask(rest: FlinkRest, address: Address, job: JobStatus, known: Flink, need: Need) -> Flink | None:
    """What was known with the answer to `need`; None where `need` is nothing that Flink's REST tells.

    `job` is the status' record of the job: its id and the trigger that is under way.
    """
    question = _QUESTIONS.get(need)
    return question(rest, address, job, known) if question is not None else None


def _job(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> Job | None:
        return answers.parse_overview(rest.send(address, requests.overview()), job.job_id or "")

    return replace(known, job=answer(read))


def _trigger(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> Trigger:
        return snapshotlooks.savepoint(rest, address, job.job_id or "", job.savepoint_info.trigger_id or "")

    return replace(known, trigger=answer(read))


def _checkpoint_trigger(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> Trigger:
        return snapshotlooks.checkpoint(rest, address, job.job_id or "", job.checkpoint_info.trigger_id or "")

    return replace(known, checkpoint_trigger=answer(read))


def _checkpoints(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    request = requests.checkpoints(job.job_id or "")

    def read() -> Checkpoints:
        try:
            return answers.parse_checkpoints(rest.send(address, request))
        except errors.FlinkError as error:
            if _CHECKPOINTING_OFF in error.message:
                return answers.parse_checkpoints(None)
            raise

    return replace(known, checkpoints=answer(read))


def _failure(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    request = requests.execution_result(job.job_id or "")

    def read() -> JobFailure | None:
        return answers.parse_failure(rest.send(address, request))

    return replace(known, failure=answer(read))


def _version(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> Version:
        return answers.parse_version(rest.send(address, requests.config()))

    return replace(known, version=answer(read))


def _running_jobs(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> tuple[str, ...]:
        return answers.parse_running(rest.send(address, requests.overview()))

    return replace(known, running=answer(read))


def _exceptions(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    request = requests.exceptions(job.job_id or "", _HISTORY)

    def read() -> tuple[JobException, ...]:
        return answers.parse_exceptions(rest.send(address, request))

    return replace(known, exceptions=answer(read))


def _retention(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    request = requests.checkpoint_config(job.job_id or "")

    def read() -> bool:
        try:
            return answers.parse_retention(rest.send(address, request))
        except errors.FlinkError as error:
            if _CHECKPOINTING_OFF in error.message:
                return False
            raise

    return replace(known, retains=answer(read))


def _metrics(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> Metrics:
        return answers.parse_metrics(rest.send(address, requests.metrics(job.job_id or "")))

    return replace(known, metrics=answer(read))


def _requirements(rest: FlinkRest, address: Address, job: JobStatus, known: Flink) -> Flink:
    def read() -> dict[str, Bounds]:
        return answers.parse_requirements(rest.send(address, requests.requirements(job.job_id or "")))

    return replace(known, requirements=answer(read))


def answer(read: Callable[[], T]) -> T | Unreachable:
    """What Flink says, or that it does not answer. An error answer of a booting JobManager is no answer."""
    try:
        return read()
    except errors.FlinkUnreachable as error:
        return Unreachable(error.message, lasting=error.lasting)
    except errors.FlinkError as error:
        return Unreachable(error.message)


_QUESTIONS: dict[Need, Callable[[FlinkRest, Address, JobStatus, Flink], Flink]] = {
    Need.JOB: _job,
    Need.TRIGGER: _trigger,
    Need.CHECKPOINTS: _checkpoints,
    Need.FAILURE: _failure,
    Need.VERSION: _version,
    Need.RUNNING_JOBS: _running_jobs,
    Need.EXCEPTIONS: _exceptions,
    Need.RETENTION: _retention,
    Need.METRICS: _metrics,
    Need.CHECKPOINT_TRIGGER: _checkpoint_trigger,
    Need.REQUIREMENTS: _requirements,
}
