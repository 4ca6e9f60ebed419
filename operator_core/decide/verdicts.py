"""What is to be said about a resource: one verdict per step, and what a status still says of the one before.

`conditions` makes conditions and lifecycle state of it. Wording carries no values of the spec; a blockage names the
way out. Decides nothing.
"""

import json
from dataclasses import dataclass

from operator_core.decide import errortexts
from operator_core.model.statuses import CommonStatus, FlinkDeploymentStatus

RUNNING, READY, UPGRADE_BLOCKED = "Running", "Ready", "UpgradeBlocked"
STABLE = "Stable"
"""Reason of Ready once the run completed a checkpoint."""
REQUESTS_HANDLED = "RequestsHandled"
"""Condition that remembers the ids of requests carried out, also while another blockage is told."""
REJECTION, BLOCKAGE, BREAKAGE = "ValidationException", "UpgradeFailureException", "DeploymentFailedException"
"""Exception types of the Java operator that `status.error` names."""
GIVEN_UP = "given-up"
"""Key of `memories`: why a spec was rolled back."""
CHECKPOINTING = "checkpointing"
"""Key of clusterInfo: "disabled" for jobs that take no checkpoints; absent otherwise."""


@dataclass(frozen=True, slots=True)
class Fine:
    """Nothing stands in the way."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The newest spec is refused; whatever ran goes on running."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What was deployed does not come up or failed."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The change cannot be carried out safely; `message` ends with the way out."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request annotation was carried out; its id is echoed."""

    request_id: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job ended in FAILED; `message` is its exception in one line, `trace` as Flink has it.

    No trace: what `status.error` says already is still right.
    """

    message: str
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is awaited that may come by itself; `reason` becomes the reason of Ready."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A session job runs, and Flink says that it completed a checkpoint (or takes none)."""


Verdict = Fine | Proven | Rejected | Broken | Blocked | Answered | JobFailed | Waiting


def is_told_by_verdict(error: str | None) -> bool:
    """Whether the error came from a refused spec or a blocked change, which the next verdict withdraws."""
    return bool(error) and any(f"{errortexts.JAVA}{type_}" in str(error) for type_ in (REJECTION, BLOCKAGE))


def error_message(error: str | None) -> str:
    """The message in a `status.error`, or the text itself."""
    if not error:
        return ""
    try:
        return str(json.loads(error).get("message", error))
    except (ValueError, AttributeError):
        return error


def is_stable(status: CommonStatus) -> bool:
    """Whether the run completed a checkpoint; for a session job nothing but the condition itself remembers it."""
    if not isinstance(status, FlinkDeploymentStatus):
        return any(c.type == READY and c.status == "True" and c.reason == STABLE for c in status.conditions)
    return status.cluster_info.get("state-size") is not None or status.cluster_info.get(CHECKPOINTING) == "disabled"


def handled_requests(status: CommonStatus) -> tuple[str, ...]:
    """The ids of the requests that were carried out, newest last; the annotations that asked may still stand."""
    for condition in status.conditions:
        if condition.type == REQUESTS_HANDLED:
            return tuple(condition.message.split())
    return ()
