"""Health of Flink resources: Healthy only when the job runs the spec that Git asked for.

Generic tools call a job healthy as soon as its spec was submitted, or while it still runs the spec
before a rejected one. Here the generation must have been observed, without an error, not rolled
back, and the job RUNNING (or FINISHED when it is bounded). A job that Git suspends is Suspended,
which is as good as Healthy. Fields as in the Java operator's status (reference page "Custom
Resource", `CommonStatus` and `JobStatus`).
"""

import contextlib
import json
from collections.abc import Callable

from gitsync.plan import healthrules
from gitsync.plan.healthrules import HEALTHY, Verdict
from operator_core.jsonvalues import Object, dig

_MOVING = frozenset({"RECONCILING", "CREATED", "INITIALIZING", "RESTARTING", "FAILING", "CANCELLING"})
_WAITING = frozenset(
    {
        "SessionClusterMissing",
        "SessionClusterNotReady",
        "WaitingForSessionJobs",
        "SessionJobsUnderWay",
        "RenamePending",
    }
)
_ERROR_LIMIT = 500


def error_text(obj: Object) -> str:
    """`status.error`; the Java operator keeps JSON there, of which the message is for people."""
    text = dig(obj, "status", "error", default="")
    if isinstance(text, str) and text.startswith("{"):
        with contextlib.suppress(ValueError):
            text = dig(json.loads(text), "message", default=text)
    text = " ".join(str(text).split())
    return text if len(text) <= _ERROR_LIMIT else text[: _ERROR_LIMIT - 1] + "…"


def _is_observed(obj: Object) -> bool:
    return int(dig(obj, "status", "observedGeneration", default=0)) >= int(
        dig(obj, "metadata", "generation", default=0)
    )


def _is_judged(obj: Object) -> bool:
    """Whether an error belongs to the newest spec: our own operator says so, of others it is assumed."""
    ready = healthrules.condition(obj, "Ready")
    judged = dig(ready, "observedGeneration")
    return judged is None or int(judged) >= int(dig(obj, "metadata", "generation", default=0))


def _wants_suspended(obj: Object) -> bool:
    return bool(dig(obj, "spec", "job", "state") == "suspended")


def _told(obj: Object, kind: str) -> str:
    found = healthrules.condition(obj, kind)
    return str(dig(found, "message", default="")) if found is not None else ""


def _waiting_for_another(obj: Object) -> Verdict | None:
    """A session job waits for its cluster, a cluster for its jobs, a job for its old name: seen, and told what for."""
    ready = healthrules.condition(obj, "Ready")
    if ready is None or ready.get("reason") not in _WAITING or not _is_judged(obj):
        return None
    return Verdict("Progressing", str(ready.get("message", "")))


def _first_rows(obj: Object) -> Verdict | None:
    """What holds whatever the lifecycle state says."""
    blocked = healthrules.condition(obj, "UpgradeBlocked")
    if blocked is not None and blocked.get("status") == "True":
        return Verdict("Degraded", f"the upgrade is blocked: {blocked.get('message', '')}")
    error = error_text(obj)
    if error and not _is_observed(obj) and _is_judged(obj):
        return Verdict("Degraded", f"the spec was rejected and what ran before still runs: {error}")
    deployed_once = dig(obj, "status", "reconciliationStatus", "lastReconciledSpec")
    if not deployed_once and _wants_suspended(obj) and not error:
        return Verdict("Suspended", "created suspended")
    if not deployed_once and error and _is_judged(obj):
        return Verdict("Degraded", error)
    if (waiting := _waiting_for_another(obj)) is not None:
        return waiting
    if not _is_observed(obj):
        return Verdict("Progressing", "the newest spec was not seen by the operator yet")
    return None


def _by_lifecycle(obj: Object) -> Verdict | None:
    lifecycle = dig(obj, "status", "lifecycleState", default="CREATED")
    error = error_text(obj)
    match lifecycle:
        case "FAILED":
            return Verdict("Degraded", error or _told(obj, "Running") or "the job failed")
        case "ROLLED_BACK":
            return Verdict(
                "Degraded", f"rolled back; what runs is not what Git asked for{': ' + error if error else ''}"
            )
        case "ROLLING_BACK":
            return Verdict("Progressing", f"rolling back{': ' + error if error else ''}")
        case "UPGRADING":
            return Verdict("Degraded", error) if error else Verdict("Progressing", _told(obj, "Running") or "upgrading")
        case "SUSPENDED":
            return (
                Verdict("Suspended")
                if _wants_suspended(obj)
                else Verdict("Progressing", "the job is about to be resumed")
            )
        case "CREATED":
            return Verdict("Progressing", "the operator has not deployed it yet")
    return None


def _by_job(obj: Object, *, has_cluster: bool) -> Verdict:
    state = dig(obj, "status", "jobStatus", "state", default="")
    error = error_text(obj)
    manager = dig(obj, "status", "jobManagerDeploymentStatus", default="")
    if has_cluster and state != "FINISHED":
        if manager == "ERROR":
            return Verdict("Degraded", error or "the JobManager cannot start")
        if manager != "READY":
            return Verdict(
                "Degraded" if error else "Progressing", error or f"the JobManager is {manager or 'not there yet'}"
            )
    if dig(obj, "spec", "job") is None:
        return HEALTHY if not error else Verdict("Degraded", error)
    if state == "FINISHED":
        return Verdict("Healthy", "the job finished")
    if state in ("FAILED", "CANCELED"):
        return Verdict("Degraded", error or f"the job is {state}")
    if error:
        return Verdict("Degraded", error)
    if state == "RUNNING" and dig(obj, "status", "lifecycleState") in ("STABLE", "DEPLOYED"):
        return HEALTHY
    return Verdict("Progressing", f"the job is {state or 'not submitted yet'}")


def _deployment(obj: Object) -> Verdict:
    return _first_rows(obj) or _by_lifecycle(obj) or _by_job(obj, has_cluster=True)


def _session_job(obj: Object) -> Verdict:
    return _first_rows(obj) or _by_lifecycle(obj) or _by_job(obj, has_cluster=False)


def _snapshot(obj: Object) -> Verdict:
    state = dig(obj, "status", "state", default="TRIGGER_PENDING")
    if state == "COMPLETED":
        return HEALTHY
    if state in ("FAILED", "ABANDONED"):
        return Verdict("Degraded", error_text(obj) or f"the snapshot is {state}")
    return Verdict("Progressing", f"the snapshot is {state}")


def _blue_green(obj: Object) -> Verdict:
    state = str(dig(obj, "status", "blueGreenState", default=""))
    error = error_text(obj)
    if error:
        return Verdict("Degraded", error)
    if state.startswith("ACTIVE_"):
        job = dig(obj, "status", "jobStatus", "state", default="RUNNING")
        return HEALTHY if job in ("RUNNING", "FINISHED") else Verdict("Degraded", f"the job is {job}")
    return Verdict("Progressing", state or "not seen by the operator yet")


RULES: dict[tuple[str, str], Callable[[Object], Verdict]] = {
    ("flink.apache.org", "FlinkDeployment"): _deployment,
    ("flink.apache.org", "FlinkSessionJob"): _session_job,
    ("flink.apache.org", "FlinkStateSnapshot"): _snapshot,
    ("flink.apache.org", "FlinkBlueGreenDeployment"): _blue_green,
}
