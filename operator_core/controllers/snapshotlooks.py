"""Asks Flink how a triggered snapshot or a disposal fares.

A checkpoint's answer holds only its number; its path comes from its details or, where a job checkpoints so often
that they are forgotten already, from its neighbours. Decides nothing.
"""

from operator_core.controllers.world import FlinkRest
from operator_core.decide.flinkfacts import Trigger, TriggerCompleted, TriggerPending, TriggerUnknown
from operator_core.flink import answers, errors, requests
from operator_core.flink.rest import Address
from operator_core.jsonvalues import Object


def savepoint(rest: FlinkRest, address: Address, job_id: str, trigger_id: str) -> Trigger:
    """The state of a savepoint. Raises flink.errors."""
    try:
        return answers.parse_savepoint(rest.send(address, requests.savepoint(job_id, trigger_id)))
    except errors.JobNotFound:
        return TriggerUnknown()


def checkpoint(rest: FlinkRest, address: Address, job_id: str, trigger_id: str) -> Trigger:
    """The state of a checkpoint, with its path once it is complete. Raises flink.errors."""
    try:
        found = answers.parse_checkpoint(rest.send(address, requests.checkpoint(job_id, trigger_id)))
    except errors.JobNotFound:
        return TriggerUnknown()
    if not isinstance(found, int):
        return found
    details = _or_none(rest, address, requests.checkpoint_details(job_id, found))
    statistics = None
    if answers.path_of(found, details, None) is None:
        statistics = _or_none(rest, address, requests.checkpoints(job_id))
    path = answers.path_of(found, details, statistics)
    if path is None and answers.is_older(statistics, found):
        return TriggerPending()
    return TriggerCompleted(path or "")


def disposal(rest: FlinkRest, address: Address, request_id: str) -> Trigger:
    """The state of a disposal. Raises flink.errors."""
    try:
        return answers.parse_disposal(rest.send(address, requests.disposal(request_id)))
    except errors.JobNotFound:
        return TriggerUnknown()


def _or_none(rest: FlinkRest, address: Address, request: requests.FlinkRequest) -> Object | None:
    try:
        return rest.send(address, request)
    except errors.JobNotFound:
        return None
