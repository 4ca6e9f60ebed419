"""Options of Flink and of the operator: key, older keys, default; read from a flat configuration.

Flink renamed options over time (FLIP-406 in 1.20 the checkpointing and recovery ones); a resource may use
either name, and the newest name wins where both are set, as in Flink's ConfigOption fallback keys.
Reading never guesses: a text that is not of the option's type is a Stalled(ValidationError) naming the key.
Sources: nightlies.apache.org/flink (deployment/config), the operator's configuration page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from operator_core import errors
from operator_core.model import units

OPERATOR_PREFIX = "kubernetes.operator."
AUTOSCALER_PREFIX = "job.autoscaler."


@dataclass(frozen=True, slots=True)
class Option:
    """`aliases` are older keys, newest first; `default` is the text used where nothing is set."""

    key: str
    aliases: tuple[str, ...] = ()
    default: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key, *self.aliases)


def _operator(name: str, default: str | None = None, *aliases: str) -> Option:
    return Option(OPERATOR_PREFIX + name, tuple(OPERATOR_PREFIX + alias for alias in aliases), default)


# Flink: state and recovery
CHECKPOINT_DIR = Option("execution.checkpointing.dir", ("state.checkpoints.dir", "state.backend.fs.checkpointdir"))
SAVEPOINT_DIR = Option(
    "execution.checkpointing.savepoint-dir", ("state.savepoints.dir", "savepoints.state.backend.fs.dir")
)
CHECKPOINT_INTERVAL = Option("execution.checkpointing.interval")
CHECKPOINT_TIMEOUT = Option("execution.checkpointing.timeout", default="10 min")
STATISTICS_CACHE = Option(
    "rest.cache.checkpoint-statistics.timeout", ("web.refresh-interval", "jobmanager.web.refresh-interval"), "3 s"
)
TOLERABLE_FAILURES = Option("execution.checkpointing.tolerable-failed-checkpoints", (), "0")
CHECKPOINT_RETENTION = Option("execution.checkpointing.externalized-checkpoint-retention")
RETAINED_CHECKPOINTS = Option("execution.checkpointing.num-retained", ("state.checkpoints.num-retained",), "1")
RESTORE_PATH = Option("execution.state-recovery.path", ("execution.savepoint.path",))
CLAIM_MODE = Option("execution.state-recovery.claim-mode", ("execution.savepoint-restore-mode",), "NO_CLAIM")
IGNORE_UNCLAIMED_STATE = Option(
    "execution.state-recovery.ignore-unclaimed-state", ("execution.savepoint.ignore-unclaimed-state",), "false"
)
# Flink: high availability
HA_TYPE = Option("high-availability.type", ("high-availability", "recovery.mode"), "NONE")
HA_STORAGE_DIR = Option("high-availability.storageDir", ("high-availability.zookeeper.storageDir",))
HA_CLUSTER_ID = Option("high-availability.cluster-id", ("high-availability.zookeeper.path.namespace",))
HA_JOB_MANAGER_PORT = Option("high-availability.jobmanager.port", (), "0")
JOB_RESULT_STORE_PATH = Option("job-result-store.storage-path")
JOB_RESULT_STORE_DELETE = Option("job-result-store.delete-on-commit")
# Flink: addresses
REST_PORT = Option("rest.port", ("web.port", "jobmanager.web.port"), "8081")
REST_BIND_PORT = Option("rest.bind-port", ("rest.port", "web.port", "jobmanager.web.port"), "8081")
REST_SSL = Option("security.ssl.rest.enabled", (), "false")
REST_SSL_MUTUAL = Option("security.ssl.rest.authentication-enabled", (), "false")
JOB_MANAGER_RPC_PORT = Option("jobmanager.rpc.port", (), "6123")
BLOB_PORT = Option("blob.server.port", (), "0")
TASK_MANAGER_RPC_PORT = Option("taskmanager.rpc.port", (), "0")
# Flink: the job
PARALLELISM = Option("parallelism.default", (), "1")
TASK_SLOTS = Option("taskmanager.numberOfTaskSlots", (), "1")
PIPELINE_NAME = Option("pipeline.name")
JOB_ID = Option("$internal.pipeline.job-id")
SCHEDULER_MODE = Option("scheduler-mode")
SCHEDULER = Option("jobmanager.scheduler")
PARALLELISM_OVERRIDES = Option("pipeline.jobvertex-parallelism-overrides")
# Flink on Kubernetes
CLUSTER_ID = Option("kubernetes.cluster-id")
NAMESPACE = Option("kubernetes.namespace")
IMAGE = Option("kubernetes.container.image.ref", ("kubernetes.container.image",))
PULL_POLICY = Option("kubernetes.container.image.pull-policy", (), "IfNotPresent")
PULL_SECRETS = Option("kubernetes.container.image.pull-secrets")
SERVICE_ACCOUNT = Option("kubernetes.service-account", (), "default")
JOB_MANAGER_SERVICE_ACCOUNT = Option("kubernetes.jobmanager.service-account", ("kubernetes.service-account",))
TASK_MANAGER_SERVICE_ACCOUNT = Option("kubernetes.taskmanager.service-account", ("kubernetes.service-account",))
REST_SERVICE_TYPE = Option("kubernetes.rest-service.exposed.type", (), "ClusterIP")
REST_SERVICE_ANNOTATIONS = Option("kubernetes.rest-service.annotations")
INTERNAL_SERVICE_ANNOTATIONS = Option("kubernetes.internal-service.annotations")
HOST_NETWORK = Option("kubernetes.hostnetwork.enabled", (), "false")
ENTRY_PATH = Option("kubernetes.entry.path", (), "/docker-entrypoint.sh")
FLINK_CONF_DIR = Option("kubernetes.flink.conf.dir", (), "/opt/flink/conf")
FLINK_LOG_DIR = Option("kubernetes.flink.log.dir")
JOB_MANAGER_ENTRYPOINT_ARGS = Option("kubernetes.jobmanager.entrypoint.args", (), "")
JOB_MANAGER_ANNOTATIONS = Option("kubernetes.jobmanager.annotations")
JOB_MANAGER_LABELS = Option("kubernetes.jobmanager.labels")
JOB_MANAGER_NODE_SELECTOR = Option("kubernetes.jobmanager.node-selector")
JOB_MANAGER_TOLERATIONS = Option("kubernetes.jobmanager.tolerations")
JOB_MANAGER_CPU = Option("kubernetes.jobmanager.cpu.amount", ("kubernetes.jobmanager.cpu",), "1.0")
JOB_MANAGER_CPU_LIMIT = Option("kubernetes.jobmanager.cpu.limit-factor", (), "1.0")
JOB_MANAGER_MEMORY_LIMIT = Option("kubernetes.jobmanager.memory.limit-factor", (), "1.0")
JOB_MANAGER_REPLICAS = Option("kubernetes.jobmanager.replicas", (), "1")
TASK_MANAGER_ANNOTATIONS = Option("kubernetes.taskmanager.annotations")
TASK_MANAGER_LABELS = Option("kubernetes.taskmanager.labels")
TASK_MANAGER_NODE_SELECTOR = Option("kubernetes.taskmanager.node-selector")
TASK_MANAGER_TOLERATIONS = Option("kubernetes.taskmanager.tolerations")
TASK_MANAGER_REPLICAS = Option("kubernetes.internal.taskmanager.replicas", (), "1")
TASK_MANAGER_CPU = Option("kubernetes.taskmanager.cpu.amount", ("kubernetes.taskmanager.cpu",))
TASK_MANAGER_CPU_LIMIT = Option("kubernetes.taskmanager.cpu.limit-factor", (), "1.0")
TASK_MANAGER_MEMORY_LIMIT = Option("kubernetes.taskmanager.memory.limit-factor", (), "1.0")
SECRETS = Option("kubernetes.secrets")
ENV_SECRETS = Option("kubernetes.env.secretKeyRef")
SCHEDULER_NAME = Option("kubernetes.scheduler-name")
# Operator
DEFAULT_CONFIGURATION = "kubernetes.operator.default-configuration."
PERIODIC_SAVEPOINT_INTERVAL = _operator("periodic.savepoint.interval")
PERIODIC_CHECKPOINT_INTERVAL = _operator("periodic.checkpoint.interval")
ROLLBACK_ENABLED = _operator("deployment.rollback.enabled", "false")
READINESS_TIMEOUT = _operator("deployment.readiness.timeout", "5 min")
HEALTH_CHECK_ENABLED = _operator("cluster.health-check.enabled", "false")
INGRESS_MANAGED = _operator("ingress.manage", "true")
SESSION_BLOCKED_BY_SESSION_JOBS = _operator("session.deletion.block-on-session-jobs", "true")
SESSION_BLOCKED_BY_OTHER_JOBS = _operator(
    "session.deletion.block-on-unmanaged-jobs", "true", "session.block-on-unmanaged-jobs"
)
HEALTH_RESTARTS_WINDOW = _operator("cluster.health-check.restarts.window", "2 min")
HEALTH_RESTARTS_THRESHOLD = _operator("cluster.health-check.restarts.threshold", "64")
HEALTH_PROGRESS_ENABLED = _operator("cluster.health-check.checkpoint-progress.enabled", "true")
HEALTH_PROGRESS_WINDOW = _operator("cluster.health-check.checkpoint-progress.window")
RECOVERY_ENABLED = _operator("jm-deployment-recovery.enabled", "true")
SHUTDOWN_TTL = _operator("jm-deployment.shutdown-ttl", "1 d")
STARTUP_PROBE_ENABLED = _operator("jm-deployment.startup.probe.enabled", "true")
MERGE_ARRAYS_BY_NAME = _operator("pod-template.merge-arrays-by-name", "false")
SCALING_IN_PLACE = _operator("job.upgrade.inplace-scaling.enabled", "true")
MAX_CHECKPOINT_AGE = _operator("job.upgrade.last-state.max.allowed.checkpoint.age")
LAST_STATE_FALLBACK = _operator("job.upgrade.last-state-fallback.enabled", "true")
LAST_STATE_CANCEL = _operator("job.upgrade.last-state.job-cancel.enabled", "false")
SAVEPOINT_FORMAT = _operator("savepoint.format.type", "CANONICAL")
SAVEPOINT_ON_DELETION = _operator("job.savepoint-on-deletion", "false")
DRAIN_ON_SAVEPOINT = _operator("job.drain-on-savepoint-deletion", "false")
RESTART_FAILED = _operator("job.restart.failed", "false")
ARTIFACT_SCHEMES = _operator("user.artifacts.allowed-schemes", "https")
ARTIFACT_RESTRICTED_HOSTS = _operator("user.artifacts.disallow-restricted-hosts", "true")
ARTIFACT_HEADERS = _operator("user.artifacts.http.header")
ARTIFACT_DIRECTORY = _operator("user.artifacts.local-dir")
ARTIFACT_SIZE = _operator("user.artifacts.max-size", "512 mb")
SUBMISSION_TIMEOUT = _operator("job.submission.timeout", "10 min")
LEASE_NAME = _operator("leader-election.lease-name", "flink-operator-lease")
LABEL_SELECTOR = _operator("label.selector")
SNAPSHOT_RESOURCES = _operator("snapshot.resource.enabled", "true")
# Operator: what is told
EXCEPTION_EVENTS = _operator("events.exceptions.limit-per-reconciliation", "10")
EXCEPTION_LINES = _operator("events.exceptions.stacktrace-lines", "5")
ERROR_FIELD_LENGTH = _operator("exception.field.max.length", "2048")
ERROR_CAUSES = _operator("exception.throwable.list.max.count", "2")
ERROR_TRACE_ENABLED = _operator("exception.stacktrace.enabled", "false")
ERROR_TRACE_LENGTH = _operator("exception.stacktrace.max.length", "2048")
ERROR_LABELS = _operator("exception.label.mapper")
PERIODIC_TIME_ZONE = _operator("periodic.time-zone", "UTC")
SAVEPOINT_DISPOSE = _operator("savepoint.dispose-on-delete", "false")
SAVEPOINT_GRACE_PERIOD = _operator("savepoint.trigger.grace-period", "1 min", "observer.savepoint.trigger.grace-period")
CHECKPOINT_GRACE_PERIOD = _operator("checkpoint.trigger.grace-period", "1 min")
CHECKPOINT_TYPE = _operator("checkpoint.type", "FULL")
IGNORE_PENDING_SAVEPOINT = _operator("job.upgrade.ignore-pending-savepoint", "false")
SAVEPOINT_CLEANUP = _operator("savepoint.cleanup.enabled", "true")
SAVEPOINT_HISTORY_COUNT = _operator("savepoint.history.max.count", "10")
SAVEPOINT_HISTORY_AGE = _operator("savepoint.history.max.age", "24 h")
SAVEPOINT_HISTORY_COUNT_LIMIT = _operator("savepoint.history.max.count.threshold")
SAVEPOINT_HISTORY_AGE_LIMIT = _operator("savepoint.history.max.age.threshold")


def is_set(conf: Mapping[str, str], option: Option) -> bool:
    """Whether any name of the option has a non-empty value."""
    return any(conf.get(key) for key in option.keys)


def get(conf: Mapping[str, str], option: Option) -> str | None:
    """The value under the newest name that is set, else the option's default; None where neither exists."""
    for key in option.keys:
        if conf.get(key):
            return conf[key]
    return option.default


def name_set(conf: Mapping[str, str], option: Option) -> str:
    """The name under which the option is set; its newest where it is not."""
    return next((key for key in option.keys if conf.get(key)), option.key)


def without(conf: Mapping[str, str], option: Option) -> dict[str, str]:
    """The configuration without any name of the option."""
    return {key: value for key, value in conf.items() if key not in option.keys}


def get_bool(conf: Mapping[str, str], option: Option) -> bool:
    """True or false, as Flink reads it (any case); unset and no default: False."""
    value = (get(conf, option) or "false").strip().lower()
    if value not in ("true", "false"):
        raise _unreadable(conf, option, "is neither true nor false; write one of them")
    return value == "true"


def get_int(conf: Mapping[str, str], option: Option) -> int:
    """A whole number; unset and no default: 0."""
    try:
        return int((get(conf, option) or "0").strip())
    except ValueError as error:
        raise _unreadable(conf, option, "is not a whole number; write digits only") from error


def get_seconds(conf: Mapping[str, str], option: Option) -> float | None:
    """Seconds of a duration; None where it is unset and has no default."""
    value = get(conf, option)
    if value is None:
        return None
    try:
        return units.duration_seconds(value)
    except ValueError as error:
        raise _unreadable(conf, option, "is not a duration; write for instance 30 s, 5 min or 1 h") from error


def get_bytes(conf: Mapping[str, str], option: Option) -> int | None:
    """Bytes of a Flink memory size; None where it is unset and has no default."""
    value = get(conf, option)
    if value is None:
        return None
    try:
        return units.memory_bytes(value)
    except ValueError as error:
        raise _unreadable(conf, option, "is not a memory size; write for instance 512m or 2g") from error


def get_number(conf: Mapping[str, str], option: Option) -> float:
    """A decimal number; unset and no default: 0."""
    try:
        return float(units.decimal(get(conf, option) or "0"))
    except ValueError as error:
        raise _unreadable(conf, option, "is not a number; write for instance 0.5 or 2") from error


def has_high_availability(conf: Mapping[str, str]) -> bool:
    """Whether Flink runs with high availability: the type is set and is not "none"."""
    return (get(conf, HA_TYPE) or "none").strip().lower() != "none"


def _unreadable(conf: Mapping[str, str], option: Option, problem: str) -> errors.Stalled:
    key = name_set(conf, option)
    return errors.Stalled(
        errors.Reason.ValidationError, f"spec.flinkConfiguration[{key}]: {get(conf, option)!r} {problem}"
    )
