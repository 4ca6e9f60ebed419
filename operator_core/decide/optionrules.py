"""Validation rules about flinkConfiguration: forbidden keys, options that need each other, unreadable values.

Values are checked where the operator or the build would read them, so that a typing error is told now and not
when the option is first needed. Unknown options are Flink's business and pass.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from operator_core.conf import flattening, options
from operator_core.conf.options import Option
from operator_core.decide import schedules
from operator_core.decide.candidates import Candidate
from operator_core.model import flinkversions, units

_FORBIDDEN: Final = (options.NAMESPACE.key, options.CLUSTER_ID.key, options.HA_CLUSTER_ID.key)
_PREFIX: Final = options.OPERATOR_PREFIX
_DURATIONS: Final = (
    "execution.checkpointing.interval",
    "execution.checkpointing.min-pause",
    "execution.checkpointing.timeout",
    *(
        _PREFIX + name
        for name in (
            "checkpoint.trigger.grace-period",
            "cluster.health-check.checkpoint-progress.window",
            "cluster.health-check.restarts.window",
            "deployment.readiness.timeout",
            "flink.client.cancel.timeout",
            "flink.client.timeout",
            "jm-deployment.shutdown-ttl",
            "job.submission.timeout",
            "job.upgrade.last-state.max.allowed.checkpoint.age",
            "observer.progress-check.interval",
            "observer.rest-ready.delay",
            "reconcile.interval",
            "resource.cleanup.timeout",
            "savepoint.history.max.age",
            "savepoint.trigger.grace-period",
        )
    ),
)
_SWITCHES: Final = (
    "kubernetes.hostnetwork.enabled",
    "security.ssl.rest.enabled",
    *(
        _PREFIX + name
        for name in (
            "cluster.health-check.checkpoint-progress.enabled",
            "cluster.health-check.enabled",
            "exception.stacktrace.enabled",
            "deployment.rollback.enabled",
            "jm-deployment-recovery.enabled",
            "jm-deployment.startup.probe.enabled",
            "job.drain-on-savepoint-deletion",
            "job.restart.failed",
            "job.savepoint-on-deletion",
            "job.upgrade.ignore-pending-savepoint",
            "job.upgrade.inplace-scaling.enabled",
            "job.upgrade.last-state-fallback.enabled",
            "job.upgrade.last-state.job-cancel.enabled",
            "pod-template.merge-arrays-by-name",
            "savepoint.cleanup.enabled",
            "savepoint.dispose-on-delete",
            "snapshot.resource.enabled",
        )
    ),
)
_WHOLE_NUMBERS: Final = (
    "blob.server.port",
    "jobmanager.rpc.port",
    "rest.bind-port",
    "rest.port",
    "taskmanager.numberOfTaskSlots",
    options.TOLERABLE_FAILURES.key,
    "taskmanager.rpc.port",
    _PREFIX + "cluster.health-check.restarts.threshold",
    options.EXCEPTION_EVENTS.key,
    options.EXCEPTION_LINES.key,
    options.ERROR_CAUSES.key,
    options.ERROR_FIELD_LENGTH.key,
    options.ERROR_TRACE_LENGTH.key,
    _PREFIX + "savepoint.history.max.count",
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    options.REST_SERVICE_TYPE.key: ("ClusterIP", "NodePort", "LoadBalancer", "Headless_ClusterIP"),
    options.SAVEPOINT_FORMAT.key: ("CANONICAL", "NATIVE"),
    options.PULL_POLICY.key: ("Always", "IfNotPresent", "Never"),
    **dict.fromkeys(options.CLAIM_MODE.keys, ("NO_CLAIM", "CLAIM", "LEGACY")),
}
_MAPS: Final = (
    options.JOB_MANAGER_ANNOTATIONS,
    options.JOB_MANAGER_LABELS,
    options.JOB_MANAGER_NODE_SELECTOR,
    options.TASK_MANAGER_ANNOTATIONS,
    options.TASK_MANAGER_LABELS,
    options.TASK_MANAGER_NODE_SELECTOR,
    options.REST_SERVICE_ANNOTATIONS,
    options.INTERNAL_SERVICE_ANNOTATIONS,
    options.SECRETS,
    options.ERROR_LABELS,
)
_LISTS_OF_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    options.ENV_SECRETS.key: ("env", "secret", "key"),
    options.JOB_MANAGER_TOLERATIONS.key: (),
    options.TASK_MANAGER_TOLERATIONS.key: (),
}


def keys_are_allowed(candidate: Candidate) -> Iterator[str]:
    for key in _FORBIDDEN:
        if key in candidate.own:
            yield f"spec.flinkConfiguration[{key}] is set by the operator; remove it"


def options_fit_together(candidate: Candidate) -> Iterator[str]:
    conf = candidate.conf
    highly_available = options.has_high_availability(conf)
    if options.get_bool(conf, options.ROLLBACK_ENABLED) and not highly_available:
        yield f"spec.flinkConfiguration[{options.ROLLBACK_ENABLED.key}] needs high availability; {_HOW_TO_HA}"
    if options.get_bool(conf, options.HEALTH_CHECK_ENABLED) and not options.get_bool(conf, options.RECOVERY_ENABLED):
        yield (
            f"spec.flinkConfiguration[{options.HEALTH_CHECK_ENABLED.key}] needs {options.RECOVERY_ENABLED.key}; "
            "set it to true"
        )
    if not highly_available:
        return
    key, kind = options.name_set(conf, options.HA_TYPE), (options.get(conf, options.HA_TYPE) or "").strip()
    if kind.lower() != "kubernetes" and not kind.endswith("KubernetesHaServicesFactory"):
        yield f"spec.flinkConfiguration[{key}]: {kind!r} is not supported; set kubernetes, or NONE"
    if not options.is_set(conf, options.HA_STORAGE_DIR):
        yield (
            f"spec.flinkConfiguration[{options.HA_STORAGE_DIR.key}] is missing, high availability needs it; set a "
            "directory that every pod reaches, for instance s3://bucket/ha"
        )


_HOW_TO_HA: Final = "set high-availability.type: kubernetes and high-availability.storageDir"


def values_are_readable(candidate: Candidate) -> Iterator[str]:
    conf = candidate.conf
    readers: tuple[tuple[tuple[str, ...], Callable[[str], object], str], ...] = (
        (_DURATIONS, units.duration_seconds, "is not a duration; write for instance 30 s, 5 min or 1 h"),
        (_SWITCHES, _switch, "is neither true nor false; write one of them"),
        (_WHOLE_NUMBERS, int, "is not a whole number; write digits only"),
        (tuple(option.key for option in _MAPS), flattening.split_map, "is no list of pairs; write key:value,key:value"),
    )
    for keys, read, problem in readers:
        for key in keys:
            if conf.get(key) and not _is_readable(read, conf[key]):
                yield f"spec.flinkConfiguration[{key}]: {conf[key]!r} {problem}"
    for key, choices in _CHOICES.items():
        if conf.get(key) and conf[key] not in choices:
            yield f"spec.flinkConfiguration[{key}]: {conf[key]!r} is unknown; use one of {', '.join(choices)}"
    for key, members in _LISTS_OF_MAPS.items():
        yield from _list_of_maps(key, conf.get(key) or "", members)
    schedules.read(conf, "savepoint")
    schedules.read(conf, "checkpoint")


def advice(candidate: Candidate) -> Iterator[str]:
    """What deploys but is likely not meant."""
    job, conf = candidate.spec.job, candidate.conf
    if candidate.version is not None and candidate.version.is_deprecated:
        yield f"spec.flinkVersion: {flinkversions.deprecation(candidate.version)}"
    if job is not None and job.upgrade_mode == "last-state" and not options.has_high_availability(conf):
        yield (
            "spec.job.upgradeMode: last-state without high availability loses the job's progress when the "
            f"JobManager restarts; {_HOW_TO_HA}"
        )
    if options.get_bool(conf, Option(f"{options.AUTOSCALER_PREFIX}enabled", (), "false")):
        yield "spec.flinkConfiguration[job.autoscaler.enabled]: this release does not scale jobs by itself"


def _list_of_maps(key: str, text: str, members: tuple[str, ...]) -> Iterator[str]:
    for item in flattening.split_list(text):
        if not _is_readable(flattening.split_map, item) or any(
            name not in flattening.split_map(item) for name in members
        ):
            wanted = ",".join(f"{name}:..." for name in members) or "key:...,operator:...,effect:..."
            yield f"spec.flinkConfiguration[{key}]: {item!r} is incomplete; write {wanted}"
        elif "tolerationSeconds" in item and not flattening.split_map(item).get("tolerationSeconds", "0").isdigit():
            yield f"spec.flinkConfiguration[{key}]: tolerationSeconds in {item!r} is not a whole number; write digits"


def _switch(text: str) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise ValueError(text)
    return True


def _is_readable(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
