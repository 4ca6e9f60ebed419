"""When a probe's results change a container's mind: thresholds over a row of successes and failures.

Pure. What to ask and how is `probing`'s. Rules and defaults: Kubernetes API reference, Probe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitsync.sandbox.kubelet.podstates import ProbeKind
from operator_core.jsonvalues import Object

FIELDS = {
    ProbeKind.STARTUP: "startupProbe",
    ProbeKind.LIVENESS: "livenessProbe",
    ProbeKind.READINESS: "readinessProbe",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts of one probe."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one kind in a row, and the verdict last reached (None: none yet)."""

    healthy: bool = True
    count: int = 0
    verdict: bool | None = None


def timing(probe: Object) -> Timing:
    return Timing(
        initial_delay=float(probe.get("initialDelaySeconds") or 0),
        period=float(probe.get("periodSeconds") or 10),
        timeout=float(probe.get("timeoutSeconds") or 1),
        successes=int(probe.get("successThreshold") or 1),
        failures=int(probe.get("failureThreshold") or 3),
    )


def counted(row: Row, healthy: bool, rules: Timing) -> tuple[Row, bool | None]:
    """The row after one more result, and the new verdict if this result reached one."""
    count = row.count + 1 if row.healthy == healthy else 1
    reached = count >= (rules.successes if healthy else rules.failures)
    verdict = healthy if reached else row.verdict
    after = replace(row, healthy=healthy, count=count, verdict=verdict)
    return after, verdict if reached and verdict != row.verdict else None
