"""The configuration shipped to Flink: effective configuration plus everything computed from the spec.

Order and keys are those of the Java operator and of Flink's native client (later wins; the operator's own
keys are left out). The file form is `flinkconffiles`' business. Deterministic: the same request gives the
same configuration, so that it can be applied again after a crash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from operator_core.build import names, spellings
from operator_core.build.requests import BuildRequest
from operator_core.conf import effective, flattening, options
from operator_core.model import flinkversions, processes, resources
from operator_core.model.flinkdeployments import GENERATION_ANNOTATION, KIND, FlinkDeployment
from operator_core.model.jobs import JobSpec

LAST_STATE_MARKER: Final = "KUBERNETES_OPERATOR_LAST_STATE"
"""A restore path that does not exist: should the HA metadata vanish before the start, the job fails
instead of starting empty."""

_ENTRYPOINT: Final = "org.apache.flink.kubernetes.entrypoint.Kubernetes{}ClusterEntrypoint"
_NOT_SHIPPED: Final = frozenset(
    (
        "kubernetes.config.file",
        "$internal.deployment.config-dir",
        "rest.bind-address",
        "jobmanager.bind-host",
        "taskmanager.bind-host",
        "taskmanager.host",
    )
)
_NOT_SHIPPED_PREFIXES: Final = (options.OPERATOR_PREFIX, options.AUTOSCALER_PREFIX)


@dataclass(frozen=True, slots=True)
class FlinkConf:
    """`texts`: every option but the job's arguments; `arguments` None for a session cluster."""

    texts: Mapping[str, str]
    arguments: tuple[str, ...] | None
    version: flinkversions.FlinkVersion


def native(request: BuildRequest) -> FlinkConf:
    """The configuration of a native cluster (application, or session where the spec has no job)."""
    version = _version(request)
    conf = _common(request, version)
    job = request.deployment.spec.job
    if job is not None and job.jar_uri:
        conf["pipeline.jars"] = flattening.list_text((job.jar_uri,))
    conf["execution.target"] = "kubernetes-application" if job else "kubernetes-session"
    conf["kubernetes.internal.jobmanager.entrypoint.class"] = _ENTRYPOINT.format("Application" if job else "Session")
    conf["internal.cluster.execution-mode"] = "NORMAL"
    if options.has_high_availability(conf):
        conf.pop("jobmanager.rpc.address", None)
    return _shipped(request, conf, version)


def standalone(request: BuildRequest) -> FlinkConf:
    """The configuration of a standalone cluster, whose TaskManagers are a Deployment of their own."""
    version = _version(request)
    conf = _common(request, version)
    spec = request.deployment.spec
    if spec.job is not None and spec.job.jar_uri:
        # The image's start script runs the job from its class path, where only file: means anything.
        path = re.sub(r"^local:", "file:", spec.job.jar_uri)
        conf["pipeline.classpaths"] = flattening.list_text((path,))
    if spec.job is not None and options.TASK_MANAGER_REPLICAS.key not in conf:
        slots = max(1, options.get_int(conf, options.TASK_SLOTS))
        conf[options.TASK_MANAGER_REPLICAS.key] = str(max(1, -(-spec.job.parallelism // slots)))
    conf["execution.target"] = "remote"
    conf["kubernetes.internal.cluster-mode"] = "APPLICATION" if spec.job else "SESSION"
    return _shipped(request, conf, version)


def _version(request: BuildRequest) -> flinkversions.FlinkVersion:
    return flinkversions.parse(request.deployment.spec.flink_version or str(flinkversions.OLDEST_CURRENT))


def _common(request: BuildRequest, version: flinkversions.FlinkVersion) -> dict[str, str]:
    deployment = request.deployment
    spec, meta = deployment.spec, deployment.metadata
    conf = dict(effective.effective(spec, name=meta.name, namespace=meta.namespace, defaults=request.defaults))
    conf["$internal.flink.version"] = str(version)
    conf.setdefault(options.REST_SERVICE_TYPE.key, "ClusterIP")
    conf.setdefault("web.cancel.enable", "false")
    conf.update(_containers(deployment, version))
    conf.update(_processes(deployment))
    conf.update(_ownership(request, conf))
    if spec.job is not None:
        conf = _with_job(request, spec.job, conf, version)
    conf.update(_ports(conf))
    conf["jobmanager.rpc.address"] = f"{meta.name}.{meta.namespace}"
    return conf


def _shipped(request: BuildRequest, conf: Mapping[str, str], version: flinkversions.FlinkVersion) -> FlinkConf:
    kept = {
        key: value
        for key, value in spellings.for_version(conf, version).items()
        if key not in _NOT_SHIPPED and not key.startswith(_NOT_SHIPPED_PREFIXES)
    }
    job = request.deployment.spec.job
    return FlinkConf(MappingProxyType(kept), job.args if job else None, version)


def _containers(deployment: FlinkDeployment, version: flinkversions.FlinkVersion) -> dict[str, str]:
    spec = deployment.spec
    image_key = options.IMAGE.key if version >= flinkversions.FlinkVersion(1, 17) else options.IMAGE.aliases[0]
    chosen = {
        image_key: spec.image,
        options.PULL_POLICY.key: spec.image_pull_policy,
        options.SERVICE_ACCOUNT.key: spec.service_account,
    }
    return {key: value for key, value in chosen.items() if value}


def _processes(deployment: FlinkDeployment) -> dict[str, str]:
    spec = deployment.spec
    conf: dict[str, str] = {}
    if spec.job_manager is not None:
        conf[options.JOB_MANAGER_REPLICAS.key] = str(spec.job_manager.replicas)
    if spec.task_manager is not None and spec.task_manager.replicas is not None:
        conf[options.TASK_MANAGER_REPLICAS.key] = str(spec.task_manager.replicas)
    for role, process in (("jobmanager", spec.job_manager), ("taskmanager", spec.task_manager)):
        if process is None:
            continue
        size = processes.size_of(process.resource, process.resources)
        values = {
            f"{role}.memory.process.size": size.memory_text,
            f"kubernetes.{role}.cpu.amount": size.cpu_text,
            f"kubernetes.{role}.cpu.limit-factor": size.cpu_limit_factor,
            f"kubernetes.{role}.memory.limit-factor": size.memory_limit_factor,
        }
        conf.update({key: value for key, value in values.items() if value is not None})
    return conf


def _ownership(request: BuildRequest, conf: Mapping[str, str]) -> dict[str, str]:
    meta = request.deployment.metadata
    owner = {
        "blockOwnerDeletion": "true",
        "controller": "false",
        "name": meta.name,
        "uid": meta.uid,
        "kind": KIND,
        "apiVersion": resources.API_VERSION,
    }
    annotations = {GENERATION_ANNOTATION: str(request.generation)}
    for key, value in flattening.split_map(conf.get(options.JOB_MANAGER_ANNOTATIONS.key, "")).items():
        annotations.setdefault(key, value)
    return {
        "kubernetes.jobmanager.owner.reference": flattening.map_text(owner),
        options.JOB_MANAGER_ANNOTATIONS.key: flattening.map_text(annotations),
    }


def _with_job(
    request: BuildRequest, job: JobSpec, base: Mapping[str, str], version: flinkversions.FlinkVersion
) -> dict[str, str]:
    conf = dict(base)
    task_manager = request.deployment.spec.task_manager
    slots = options.get_int(conf, options.TASK_SLOTS)
    parallelism = task_manager.replicas * slots if task_manager and task_manager.replicas else job.parallelism
    conf[options.PARALLELISM.key] = str(parallelism)
    if job.entry_class:
        conf["$internal.application.main"] = job.entry_class
    conf["execution.shutdown-on-application-finish"] = "false"
    conf.setdefault("execution.submit-failed-job-on-application-error", "true")
    conf.setdefault(options.PIPELINE_NAME.key, request.deployment.metadata.name)
    conf.setdefault(options.CHECKPOINT_RETENTION.key, "RETAIN_ON_CANCELLATION")
    if job.upgrade_mode == "last-state":
        conf.setdefault(options.CHECKPOINT_INTERVAL.key, "5 min")
    conf[options.JOB_ID.key] = request.job_id
    return _with_recovery(request, job, conf, version)


def _with_recovery(
    request: BuildRequest, job: JobSpec, conf: dict[str, str], version: flinkversions.FlinkVersion
) -> dict[str, str]:
    # A configured path would be restored again on every deploy: only the recorded one counts.
    conf = options.without(conf, options.RESTORE_PATH)
    position = 0 if version.writes_standard_yaml else 1
    if request.savepoint_path:
        conf[options.RESTORE_PATH.keys[position]] = request.savepoint_path
        if request.savepoint_path != LAST_STATE_MARKER and not options.is_set(conf, options.CLAIM_MODE):
            conf[options.CLAIM_MODE.keys[position]] = "NO_CLAIM"
    if request.allow_non_restored or job.allow_non_restored_state is not None:
        conf = options.without(conf, options.IGNORE_UNCLAIMED_STATE)
        conf[options.IGNORE_UNCLAIMED_STATE.keys[position]] = "true" if request.allow_non_restored else "false"
    storage = options.get(conf, options.HA_STORAGE_DIR)
    if storage:
        # A result of an earlier deploy of the same job id would make Flink believe the job is over, so each
        # deploy has a directory of its own; named after its facts, so that a repeated apply names the same.
        run = f"{request.job_id}-{request.generation}"
        name = request.deployment.metadata.name
        conf[options.JOB_RESULT_STORE_PATH.key] = f"{storage.rstrip('/')}/job-result-store/{name}/{run}"
        conf.setdefault(options.JOB_RESULT_STORE_DELETE.key, "false")
    return conf


def _ports(conf: Mapping[str, str]) -> dict[str, str]:
    """Fixed ports where Flink would choose one at random, which no Service could name."""
    fixed: dict[str, str] = {}
    defaults = (
        (options.BLOB_PORT, names.DEFAULT_BLOB_PORT),
        (options.TASK_MANAGER_RPC_PORT, names.DEFAULT_TASK_MANAGER_RPC_PORT),
    )
    for option, port in defaults:
        if options.get_int(conf, option) == 0:
            fixed[option.key] = str(port)
    if options.has_high_availability(conf) and (options.get(conf, options.HA_JOB_MANAGER_PORT) or "").strip() == "0":
        fixed[options.HA_JOB_MANAGER_PORT.key] = options.get(conf, options.JOB_MANAGER_RPC_PORT) or "6123"
    return fixed
