"""Volumes of a JobManager's pod that cannot be mounted: when its events are asked about them, and what is made of it.

No condition of a pod says why it does not start, only the kubelet's event FailedMount does (Java operator: observer,
Deployment). Events are not watched: they are asked once a pod has waited a while, and then from time to time.
"""

from collections.abc import Iterable
from datetime import datetime

from operator_core.decide import podfailures
from operator_core.decide.facts import Facts
from operator_core.decide.needs import Unread
from operator_core.decide.podfailures import PodFailure
from operator_core.jsonvalues import Object, dig

REASON = "FailedMount"
_PATIENCE = 10.0
_AGAIN = 30.0


def waiting(pods: Iterable[Object]) -> tuple[Object, ...]:
    """The pods that a kubelet took and has not made ready for containers (before Kubernetes 1.29: nor initialized)."""
    return tuple(pod for pod in pods if _is_waiting(pod))


def _is_waiting(pod: Object) -> bool:
    status: Object = pod.get("status") or {}
    told = {each.get("type"): each.get("status") for each in status.get("conditions") or []}
    prepared = told.get("PodReadyToStartContainers", told.get("Initialized"))
    started = podfailures.has_ever_started(pod) or dig(pod, "metadata", "deletionTimestamp")
    return bool(status.get("startTime")) and prepared == "False" and not started


def are_due(facts: Facts) -> bool:
    """Whether the events of such a pod are to be asked for in this step."""
    return isinstance(facts.unmounted, Unread) and _seconds_left(facts) == 0.0


def pause(facts: Facts, seconds: float) -> float:
    """`seconds`, but no longer than until the events are to be asked for (again)."""
    left = _seconds_left(facts)
    if left is None:
        return seconds
    return min(seconds, left if left > 0 else _AGAIN)


def failure(facts: Facts) -> PodFailure | None:
    """What the events say, as the reason why the JobManager does not come up."""
    return PodFailure(REASON, facts.unmounted) if isinstance(facts.unmounted, str) else None


def _seconds_left(facts: Facts) -> float | None:
    """Seconds until a pod has waited long enough; None while none waits."""
    since = [datetime.fromisoformat(str(pod["status"]["startTime"])) for pod in waiting(facts.pods)]
    return max(0.0, _PATIENCE - (facts.now - min(since)).total_seconds()) if since else None
