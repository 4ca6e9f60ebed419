"""Gathers what a decision asked for: live reads, Flink's answers, a dry run, a crash log.

Every call is bounded; a Flink that does not answer is a fact, not an error, and so is a manifest that the API
server would refuse. Decides nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from operator_core.conf import options
from operator_core.controllers import manifests
from operator_core.controllers.world import World
from operator_core.decide import hametadata, podfailures
from operator_core.decide.facts import (
    Checkpoints,
    Facts,
    Job,
    Need,
    Trigger,
    TriggerUnknown,
    Unreachable,
    Version,
)
from operator_core.errors import Stalled
from operator_core.flink import crashlogs, errors, requests
from operator_core.flink.rest import Address
from operator_core.jsonvalues import dig
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests as kube_requests

_CHECKPOINTING_OFF = "Checkpointing has not been enabled"

T = TypeVar("T")


def look(world: World, facts: Facts, needs: tuple[Need, ...]) -> Facts:
    """The facts with what was asked for filled in. Raises kube.errors."""
    for need in needs:
        facts = _LOOKS[need](world, facts)
    return facts


def address_of(facts: Facts) -> Address:
    """Where the deployed cluster's REST is."""
    port = options.get_int(facts.last_conf, options.REST_PORT)
    tls = facts.last_conf.get("security.ssl.rest.enabled", "false").lower() == "true"
    return Address(facts.namespace, facts.name, port, tls)


def _live_deployment(world: World, facts: Facts) -> Facts:
    try:
        live = world.api.send(kube_requests.get(kube_requests.DEPLOYMENTS, facts.namespace, facts.name))
    except kube_errors.NotFound:
        world.deployments.forget(facts.namespace, facts.name)
        return replace(facts, live_deployment=None)
    world.deployments.observed(live)
    return replace(facts, live_deployment=live)


def _ha_metadata(world: World, facts: Facts) -> Facts:
    request = kube_requests.listing(
        kube_requests.CONFIG_MAPS, facts.namespace, labels=hametadata.LABELS.format(facts.name), limit=500
    )
    return replace(facts, ha=hametadata.of(world.api.send(request).get("items") or []))


def _preflight(world: World, facts: Facts) -> Facts:
    """Would the API server take the new Deployment? The name is taken, so AlreadyExists means yes."""
    try:
        body = manifests.preflight(world, facts)
        create = kube_requests.create(kube_requests.DEPLOYMENTS, facts.namespace, body)
        world.api.send(replace(create, query=(*create.query, ("dryRun", "All"))))
    except kube_errors.Conflict:
        return replace(facts, preflight=None)
    except (kube_errors.Invalid, Stalled) as error:
        return replace(facts, preflight=error.message)
    return replace(facts, preflight=None)


def _job(world: World, facts: Facts) -> Facts:
    job_id = facts.status.job_status.job_id or ""

    def read() -> Job | None:
        return requests.parse_overview(world.flink.send(address_of(facts), requests.overview()), job_id)

    return replace(facts, flink=replace(facts.flink, job=_answer(read)))


def _trigger(world: World, facts: Facts) -> Facts:
    status = facts.status.job_status
    request = requests.savepoint(status.job_id or "", status.savepoint_info.trigger_id or "")

    def read() -> Trigger:
        try:
            return requests.parse_savepoint(world.flink.send(address_of(facts), request))
        except errors.JobNotFound:
            return TriggerUnknown()

    return replace(facts, flink=replace(facts.flink, trigger=_answer(read)))


def _checkpoints(world: World, facts: Facts) -> Facts:
    request = requests.checkpoints(facts.status.job_status.job_id or "")

    def read() -> Checkpoints:
        try:
            return requests.parse_checkpoints(world.flink.send(address_of(facts), request))
        except errors.FlinkError as error:
            if _CHECKPOINTING_OFF in error.message:
                return requests.parse_checkpoints(None)
            raise

    return replace(facts, flink=replace(facts.flink, checkpoints=_answer(read)))


def _failure(world: World, facts: Facts) -> Facts:
    request = requests.execution_result(facts.status.job_status.job_id or "")

    def read() -> str | None:
        return requests.parse_failure(world.flink.send(address_of(facts), request))

    return replace(facts, flink=replace(facts.flink, failure=_answer(read)))


def _version(world: World, facts: Facts) -> Facts:
    def read() -> Version:
        return requests.parse_version(world.flink.send(address_of(facts), requests.config()))

    return replace(facts, flink=replace(facts.flink, version=_answer(read)))


def _session_jobs(world: World, facts: Facts) -> Facts:
    """Who refers to the session cluster: a live list, for what a cache does not know yet would lose its cluster."""
    try:
        answer = world.api.send(kube_requests.listing(kube_requests.FLINK_SESSION_JOBS, facts.namespace))
    except kube_errors.NotFound:
        return replace(facts, session_jobs=())
    found = [job for job in answer.get("items") or [] if dig(job, "spec", "deploymentName") == facts.name]
    return replace(facts, session_jobs=tuple(sorted(str(job["metadata"]["name"]) for job in found)))


def _running_jobs(world: World, facts: Facts) -> Facts:
    def read() -> tuple[str, ...]:
        return requests.parse_running(world.flink.send(address_of(facts), requests.overview()))

    return replace(facts, flink=replace(facts.flink, running=_answer(read)))


def _crash_log(world: World, facts: Facts) -> Facts:
    """The innermost exception in the log of a container that ended."""
    for pod in facts.pods:
        if podfailures.has_ever_started(pod):
            path = kube_requests.PODS.path(facts.namespace, str(pod["metadata"]["name"]), "log")
            query = (("container", "flink-main-container"), ("previous", "true"), ("tailLines", "300"))
            try:
                log = world.api.send_bytes(kube_requests.Request("GET", path, query))
            except kube_errors.KubeError:
                continue
            cause = crashlogs.root_cause(log.decode("utf-8", "replace"))
            if cause:
                return replace(facts, crash_log=cause)
    return replace(facts, crash_log=None)


def _answer(read: Callable[[], T]) -> T | Unreachable:
    """What Flink says, or that it does not answer. An error answer of a booting JobManager is no answer."""
    try:
        return read()
    except errors.FlinkUnreachable as error:
        return Unreachable(error.message, lasting=error.lasting)
    except errors.FlinkError as error:
        return Unreachable(error.message)


_LOOKS: dict[Need, Callable[[World, Facts], Facts]] = {
    Need.LIVE_DEPLOYMENT: _live_deployment,
    Need.HA_METADATA: _ha_metadata,
    Need.PREFLIGHT: _preflight,
    Need.JOB: _job,
    Need.TRIGGER: _trigger,
    Need.CHECKPOINTS: _checkpoints,
    Need.FAILURE: _failure,
    Need.VERSION: _version,
    Need.CRASH_LOG: _crash_log,
    Need.SESSION_JOBS: _session_jobs,
    Need.RUNNING_JOBS: _running_jobs,
}
