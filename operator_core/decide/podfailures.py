"""Why a JobManager does not come up, read from its Deployment and pods; and what keeps a TaskManager's pod down.

The reasons and their order are the Java operator's (ReplicaFailure, then containers that wait for a known
reason), plus what it does not see: a pod that cannot be scheduled and the last words of a crashing
container. Pods are projections with metadata, spec.nodeName and status. Knows no resource of ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.jsonvalues import Object, dig

WAITING_REASONS = frozenset(
    (
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RunContainerError",
        "CreateContainerConfigError",
        "CreateContainerError",
        "OOMKilled",
    )
)
"""Why a container waits that will not start by itself."""
_TEXT_LIMIT = 600


@dataclass(frozen=True, slots=True)
class PodFailure:
    """`reason` is Kubernetes' word; `message` starts with the container's name in brackets."""

    reason: str
    message: str


def failure(deployment: Object, pods: Iterable[Object]) -> PodFailure | None:
    """The first failure found, or None while all may still become well. A pod on its way out ends with SIGTERM."""
    for condition in dig(deployment, "status", "conditions", default=[]):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return PodFailure(condition.get("reason") or "FailedCreate", str(condition.get("message") or ""))
    staying = [pod for pod in pods if not dig(pod, "metadata", "deletionTimestamp")]
    found = next(_waiting(staying), None)
    if found is not None or _was_available(deployment):
        return found
    words = crash_words(staying)
    return PodFailure("CrashLoopBackOff", words) if words else None


def _was_available(deployment: Object) -> bool:
    """Whether the JobManager served at any time since the Deployment was made, as far as conditions tell."""
    for condition in dig(deployment, "status", "conditions", default=[]):
        if condition.get("type") == "Available":
            born = _time(dig(deployment, "metadata", "creationTimestamp"))
            changed = _time(condition.get("lastTransitionTime"))
            young = born is not None and changed is not None and changed - born <= _SAME_MOMENT
            return bool(condition.get("status") == "True" or not young)
    return False


def _waiting(pods: Iterable[Object]) -> Iterator[PodFailure]:
    for pod in pods:
        for container in _containers(pod):
            waiting = dig(container, "state", "waiting", default={})
            reason = str(waiting.get("reason") or "")
            if reason in WAITING_REASONS:
                yield PodFailure(reason, f"[{container.get('name')}] {_words(container, waiting)}")


def _words(container: Object, waiting: Object) -> str:
    text = str(waiting.get("message") or waiting.get("reason") or "")
    ended = dig(container, "lastState", "terminated", default={})
    if waiting.get("reason") == "CrashLoopBackOff" and ended:
        last_words = str(ended.get("message") or "").strip() or f"exit code {ended.get('exitCode')}"
        text = f"CrashLoop - {last_words}"
    return text[:_TEXT_LIMIT]


def _containers(pod: Object) -> list[Object]:
    statuses = dig(pod, "status", default={})
    return [*(statuses.get("initContainerStatuses") or []), *(statuses.get("containerStatuses") or [])]


def is_ready(pod: Object) -> bool:
    """Whether the pod serves: Ready and not on its way out."""
    if dig(pod, "metadata", "deletionTimestamp"):
        return False
    conditions = dig(pod, "status", "conditions", default=[])
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)


def unschedulable(pods: Iterable[Object]) -> str | None:
    """Why no node takes a pod, in the scheduler's words."""
    for pod in pods:
        for condition in dig(pod, "status", "conditions", default=[]):
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                return f"The JobManager's pod waits for a node: {condition.get('message') or condition.get('reason')}"
    return None


def of_worker(pod: Object) -> PodFailure | None:
    """What keeps a TaskManager's pod from running, or ended it: it cannot be scheduled, waits, crashed, was killed."""
    if dig(pod, "metadata", "deletionTimestamp"):
        return None
    found = next(_waiting([pod]), None) or _unplaced(pod)
    if found is not None:
        return found
    for container in _containers(pod):
        ended = dig(container, "state", "terminated") or dig(container, "lastState", "terminated")
        if ended and ended.get("exitCode") and not container.get("ready"):
            reason = str(ended.get("reason") or "Error")
            words = str(ended.get("message") or "").strip() or f"exit code {ended['exitCode']}"
            return PodFailure(reason, f"[{container.get('name')}] {reason} - {words}"[:_TEXT_LIMIT])
    return None


def _unplaced(pod: Object) -> PodFailure | None:
    for condition in dig(pod, "status", "conditions", default=[]):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return PodFailure("Unschedulable", str(condition.get("message") or condition.get("reason"))[:_TEXT_LIMIT])
    return None


def has_ever_started(pod: Object) -> bool:
    """Whether any container of the pod ran, now or before."""
    for container in dig(pod, "status", "containerStatuses", default=[]):
        if container.get("restartCount") or container.get("lastState"):
            return True
        if dig(container, "state", "running") or dig(container, "state", "terminated"):
            return True
    return False


def crash_words(pods: Iterable[Object]) -> str | None:
    """The last words of a container that ended and was restarted, before Kubernetes calls it a loop."""
    for pod in pods:
        for container in _containers(pod):
            ended = dig(container, "lastState", "terminated") or dig(container, "state", "terminated")
            if ended and ended.get("exitCode"):
                words = str(ended.get("message") or "").strip() or f"exit code {ended.get('exitCode')}"
                return f"[{container.get('name')}] CrashLoop - {words}"[:_TEXT_LIMIT]
    return None


def never_started(deployment: Object) -> bool:
    """Whether no JobManager of this Deployment ever served, so that no newer state than the restored can exist.

    Kubernetes' Available condition has been False since the Deployment was made (the Java operator's rule), or the
    Deployment controller is still at its first rollout. Only a live read of the Deployment may be judged.
    """
    conditions = {entry.get("type"): entry for entry in dig(deployment, "status", "conditions", default=[])}
    available, progressing = conditions.get("Available"), conditions.get("Progressing") or {}
    if available is None or available.get("status") != "False":
        return False
    return not _was_available(deployment) or progressing.get("reason") in _FIRST_ROLLOUT


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


_SAME_MOMENT = timedelta(seconds=2)
_FIRST_ROLLOUT = frozenset(
    (
        "NewReplicaSetCreated",
        "FoundNewReplicaSet",
        "ReplicaSetUpdated",
        "ProgressDeadlineExceeded",
        "ReplicaSetCreateError",
    )
)
"""Reasons of the Progressing condition before it becomes NewReplicaSetAvailable, which it then stays."""
