"""What people do to the resource of a protocol test: the spec they begin with, and how they change it."""

from hypothesis import strategies as st

BASE = {
    "image": "good:1",
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "flinkConfiguration": {
        "state.checkpoints.dir": "file:///data/cp",
        "state.savepoints.dir": "file:///data/sp",
        "execution.checkpointing.interval": "10 s",
    },
    "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "job": {"jarURI": "local:///job.jar", "parallelism": 1, "state": "running"},
}

_OPERATOR = "kubernetes.operator."
WISHES = {
    f"{_OPERATOR}deployment.rollback.enabled": "true",
    f"{_OPERATOR}job.restart.failed": "true",
    f"{_OPERATOR}cluster.health-check.enabled": "true",
    f"{_OPERATOR}jm-deployment.shutdown-ttl": "1 min",
    f"{_OPERATOR}job.upgrade.last-state.max.allowed.checkpoint.age": "30 s",
    f"{_OPERATOR}job.upgrade.last-state.job-cancel.enabled": "true",
}
"""Options that change what the agent does on its own."""
NEEDS_HA = frozenset((f"{_OPERATOR}deployment.rollback.enabled",))
CHANGES = st.sampled_from(
    [
        "parallelism",
        "parallelism",
        "nonce",
        "snapshot",
        "suspend",
        "resume",
        "bad",
        "refused",
        "good",
        "invalid",
        "valid",
        "savepoint",
        "last-state",
        "stateless",
        "latest",
    ]
)

IMAGES = {"bad": "bad:1", "refused": "refused:1"}
JOB_FIELDS = {
    "savepoint": ("upgradeMode", "savepoint"),
    "last-state": ("upgradeMode", "last-state"),
    "stateless": ("upgradeMode", "stateless"),
    "suspend": ("state", "suspended"),
    "resume": ("state", "running"),
    "invalid": ("parallelism", -1),
}


def edit(spec, change, number) -> None:
    match change:
        case "parallelism":
            spec["job"]["parallelism"] = 1 + number % 5
        case "snapshot":
            spec["job"]["savepointTriggerNonce"] = number
        case "nonce":
            spec["restartNonce"] = number
        case "good":
            spec["image"] = f"good:{number % 2}"
        case "valid":
            spec["job"]["parallelism"] = max(1, spec["job"]["parallelism"])
        case "bad" | "refused":
            spec["image"] = IMAGES[change]
        case _:
            field, value = JOB_FIELDS[change]
            spec["job"][field] = value
