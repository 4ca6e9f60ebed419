"""Whether a running job is healthy: restarts within a window, checkpoints that complete (Java operator: health).

What was seen before is kept as JSON under `clusterInfo["ClusterHealthInfo"]`, in the Java operator's form, so that
either operator goes on from it; written only as often as the rules need it. Decides nothing about what to do then.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from operator_core.conf import options
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job, Metrics
from operator_core.decide.needs import Unread
from operator_core.jsonvalues import dig
from operator_core.model.statuses import TERMINAL_JOB_STATES, FlinkDeploymentStatus

INFO = "ClusterHealthInfo"


@dataclass(frozen=True, slots=True)
class Health:
    """Counters with the moments (epoch ms) they are compared with; `error` None: healthy."""

    seen: int
    restarts: int
    restarts_since: int
    completed: int
    completed_since: int
    error: str | None = None


def is_due(facts: Facts, job: Job) -> bool:
    """Whether the job's counters are to be asked for in this step."""
    enabled = options.get_bool(facts.conf, options.HEALTH_CHECK_ENABLED)
    return enabled and job.state not in TERMINAL_JOB_STATES and isinstance(facts.flink.metrics, Unread)


def last(status: FlinkDeploymentStatus) -> Health | None:
    """What the status remembers; a text nobody can read is no memory."""
    try:
        found = json.loads(status.cluster_info[INFO])
        return Health(
            seen=int(found["timeStamp"]),
            restarts=int(found["numRestarts"]),
            restarts_since=int(found.get("numRestartsEvaluationTimeStamp", found["timeStamp"])),
            completed=int(found.get("numCompletedCheckpoints", 0)),
            completed_since=int(found.get("numCompletedCheckpointsIncreasedTimeStamp", found["timeStamp"])),
            error=dig(found, "healthResult", "error") if dig(found, "healthResult", "healthy") is False else None,
        )
    except (KeyError, ValueError, TypeError):
        return None


def text(health: Health) -> str:
    """The JSON text, with the Java operator's names."""
    body = {
        "timeStamp": health.seen,
        "numRestarts": health.restarts,
        "numRestartsEvaluationTimeStamp": health.restarts_since,
        "numCompletedCheckpoints": health.completed,
        "numCompletedCheckpointsIncreasedTimeStamp": health.completed_since,
        "healthResult": {"healthy": health.error is None, "error": health.error},
    }
    return json.dumps(body, separators=(",", ":"))


def observed(facts: Facts, status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The status with what the counters say, unchanged where they say nothing worth a write."""
    metrics = facts.flink.metrics
    if not isinstance(metrics, Metrics) or metrics.restarts is None:
        return status
    before = last(status)
    after = evaluated(before, metrics, facts.now, {**facts.last_conf, **_own(facts.conf)})
    if before is not None and replace(after, seen=before.seen) == before:
        return status
    return status.model_copy(update={"cluster_info": {**status.cluster_info, INFO: text(after)}})


def _own(conf: Mapping[str, str]) -> dict[str, str]:
    """The operator's options hold as soon as they are written, Flink's with the next deployment."""
    return {key: value for key, value in conf.items() if key.startswith(options.OPERATOR_PREFIX)}


def evaluated(before: Health | None, metrics: Metrics, now: datetime, conf: Mapping[str, str]) -> Health:
    """What to remember. Counters that fall, or a clock that went back, begin anew."""
    now_ms, restarts, completed = int(now.timestamp() * 1000), metrics.restarts or 0, metrics.completed or 0
    if before is None or restarts < before.restarts or completed < before.completed or now_ms < before.seen:
        return Health(now_ms, restarts, now_ms, completed, now_ms)
    window = (options.get_seconds(conf, options.HEALTH_RESTARTS_WINDOW) or 0) * 1000
    error = "|".join((*_restarting(before, restarts, now_ms, conf), *_stuck(before, completed, now_ms, conf))) or None
    after = replace(before, seen=now_ms, error=error)
    if error or before.restarts_since < now_ms - window:
        after = replace(after, restarts=restarts, restarts_since=now_ms)
    progress = _progress_window(conf)
    stale = progress is not None and now_ms - before.completed_since > progress * 1000 / 4
    if completed > before.completed and stale:
        after = replace(after, completed=completed, completed_since=now_ms)
    return after


def _restarting(before: Health, restarts: int, now_ms: int, conf: Mapping[str, str]) -> Iterator[str]:
    """More restarts than allowed, scaled to one window when the last look is longer ago; exactly as many are fine."""
    window = options.get_seconds(conf, options.HEALTH_RESTARTS_WINDOW) or 0
    threshold = options.get_int(conf, options.HEALTH_RESTARTS_THRESHOLD)
    elapsed = max(1, now_ms - before.restarts_since) / 1000
    count = int((restarts - before.restarts) * min(1.0, window / elapsed))
    if count > threshold:
        yield f"The job restarted {count} times within {window:g} s; up to {threshold} are allowed"


def _stuck(before: Health, completed: int, now_ms: int, conf: Mapping[str, str]) -> Iterator[str]:
    """No checkpoint completed within the window."""
    window = _progress_window(conf)
    if window is None or completed > before.completed:
        return
    waited = (now_ms - before.completed_since) / 1000
    if waited > window:
        yield f"No checkpoint completed within {window:g} s"


def _progress_window(conf: Mapping[str, str]) -> float | None:
    """Seconds in which a checkpoint must complete; None: the rule is off.

    Never shorter than what the job's own settings allow for, failures that are tolerated included.
    """
    if not options.get_bool(conf, options.HEALTH_PROGRESS_ENABLED):
        return None
    configured = options.get_seconds(conf, options.HEALTH_PROGRESS_WINDOW)
    interval = options.get_seconds(conf, options.CHECKPOINT_INTERVAL)
    if configured is None and not interval:
        return None
    one = max(interval or 0, options.get_seconds(conf, options.CHECKPOINT_TIMEOUT) or 0)
    tolerated = options.get_int(conf, options.TOLERABLE_FAILURES)
    return max(configured or 0, one * (tolerated + 2))
