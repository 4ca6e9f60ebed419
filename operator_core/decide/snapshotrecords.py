"""What a job's status says about its snapshots: the write-ahead record of one, its result, its end.

A snapshot is recorded with trigger id and time before anything is asked of Flink or of the API server; the same
write says that the nonce, the request or the due time that asked for it is answered. The fields are the Java
operator's legacy ones, which either operator can go on from. Decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operator_core.decide import records
from operator_core.decide.decisions import NewSnapshot, SnapshotKind
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.jsonvalues import Object, dig
from operator_core.model import lastspecs
from operator_core.model.statuses import (
    Checkpoint,
    CheckpointInfo,
    CommonStatus,
    Savepoint,
    SavepointInfo,
    TriggerType,
)

KEPT_BY = "gitsync.io/kept-by"
"""Annotation of a FlinkStateSnapshot that retention must leave alone; its value says who wants it kept."""
BY_DELETION = "deletion"
"""Its value for the savepoint that a deletion took: nothing of that run is newer."""
NONCES: dict[SnapshotKind, str] = {"savepoint": "savepointTriggerNonce", "checkpoint": "checkpointTriggerNonce"}


@dataclass(frozen=True, slots=True)
class Due:
    """A snapshot to take now, and what asks for it: a nonce, a request, or a schedule's time (epoch ms)."""

    kind: SnapshotKind
    trigger: TriggerType
    nonce: int | None = None
    request: str | None = None
    scheduled: int | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A snapshot that is recorded and has not come to its end; `since` in epoch milliseconds."""

    kind: SnapshotKind
    trigger: TriggerType
    trigger_id: str
    since: int
    format_type: str


def name_of(job: str, snapshot: NewSnapshot) -> str:
    """The Java operator's name: JOB-savepoint-manual-MILLIS."""
    return f"{job}-{snapshot.kind}-{snapshot.trigger.lower()}-{snapshot.stamp}"


def begun(facts: JobFacts[S], due: Due, format_type: str) -> S:
    """Before the trigger: its id, time and kind; whatever asked for it counts as answered from here on."""
    changes: dict[str, Any] = {
        "trigger_id": facts.ids.trigger,
        "trigger_timestamp": records.epoch_ms(facts.now),
        "trigger_type": due.trigger,
        "format_type": format_type,
    }
    if due.scheduled is not None:
        changes[f"last_periodic_{due.kind}_timestamp"] = due.scheduled
    status = _changed(facts.status, due.kind, **changes)
    return status if due.nonce is None else _with_nonce(status, NONCES[due.kind], due.nonce)


def tried_again(status: S, kind: SnapshotKind, trigger_id: str) -> S:
    """Before another try of a snapshot that failed; its first time stays, since the grace period runs from there."""
    return _changed(status, kind, trigger_id=trigger_id)


def handed_over(status: S, kind: SnapshotKind) -> S:
    """The snapshot ended, or a FlinkStateSnapshot carries it on: nothing is pending any more."""
    return _changed(status, kind, trigger_id=None, trigger_timestamp=None, trigger_type=None, format_type=None)


def completed(status: S, pending: Pending, location: str) -> S:
    """The snapshot is at `location`: the newest one, and of a savepoint the history's newest entry."""
    nonce = _nonce(status, pending)
    if pending.kind == "checkpoint":
        taken = Checkpoint(
            time_stamp=pending.since,
            trigger_type=pending.trigger,
            format_type=_checkpoint_format(pending.format_type),
            trigger_nonce=nonce,
        )
        return handed_over(_changed(status, "checkpoint", last_checkpoint=taken), "checkpoint")
    info = status.job_status.savepoint_info
    savepoint = Savepoint(
        time_stamp=pending.since,
        location=location,
        trigger_type=pending.trigger,
        format_type=_savepoint_format(pending.format_type),
        trigger_nonce=nonce,
    )
    known = info.last_savepoint is not None and info.last_savepoint.location == location
    history = info.savepoint_history if known else (*info.savepoint_history, savepoint)
    return handed_over(_changed(status, "savepoint", last_savepoint=savepoint, savepoint_history=history), "savepoint")


def savepoint_of(resource: Object) -> Savepoint | None:
    """The savepoint that a complete FlinkStateSnapshot took itself; None for any other."""
    spec, status = dig(resource, "spec", "savepoint"), resource.get("status") or {}
    began, path = status.get("triggerTimestamp"), status.get("path")
    if spec is None or spec.get("alreadyExists") or status.get("state") != "COMPLETED" or not began or not path:
        return None
    trigger = dig(resource, "metadata", "labels", "snapshot.trigger-type")
    return Savepoint(
        time_stamp=int(datetime.fromisoformat(str(began)).timestamp() * 1000),
        location=str(path),
        trigger_type="PERIODIC" if trigger == "PERIODIC" else "MANUAL",
        format_type=_savepoint_format(str(spec.get("formatType") or "CANONICAL")),
    )


def with_newest(facts: JobFacts[S], newest: Savepoint) -> S:
    """The status that names `newest` as the last savepoint; a manual one with the nonce that is reconciled."""
    if newest.trigger_type == "MANUAL" and facts.last is not None:
        nonce = (facts.last.spec.get("job") or {}).get(NONCES["savepoint"])
        newest = newest.model_copy(update={"trigger_nonce": nonce})
    return _changed(facts.status, "savepoint", last_savepoint=newest)


def disposed(status: S, path: str) -> S:
    """The savepoint's files are gone, and with them its entry in the history."""
    kept = tuple(entry for entry in status.job_status.savepoint_info.savepoint_history if entry.location != path)
    return _changed(status, "savepoint", savepoint_history=kept)


def pending(status: CommonStatus, kind: SnapshotKind) -> Pending | None:
    """The recorded snapshot of a kind; a stop with savepoint is none."""
    info = _info(status, kind)
    if not info.trigger_id or info.trigger_type == "UPGRADE":
        return None
    return Pending(
        kind=kind,
        trigger=info.trigger_type or "UNKNOWN",
        trigger_id=info.trigger_id,
        since=info.trigger_timestamp or 0,
        format_type=info.format_type or "UNKNOWN",
    )


def last_periodic(status: CommonStatus, kind: SnapshotKind) -> int:
    """The time of the newest snapshot that a schedule asked for, in epoch milliseconds; 0 when there is none."""
    info = status.job_status
    if kind == "savepoint":
        return info.savepoint_info.last_periodic_savepoint_timestamp
    return info.checkpoint_info.last_periodic_checkpoint_timestamp


def _nonce(status: CommonStatus, pending: Pending) -> int | None:
    text = status.reconciliation_status.last_reconciled_spec
    if pending.trigger != "MANUAL" or not text:
        return None
    value = (lastspecs.decode(text).spec.get("job") or {}).get(NONCES[pending.kind])
    return int(value) if value is not None else None


def _with_nonce(status: S, field: str, value: int) -> S:
    """The nonce as reconciled, in the stable spec too where it was the same."""
    record = status.reconciliation_status
    if not record.last_reconciled_spec:
        return status
    last = lastspecs.decode(record.last_reconciled_spec)
    spec = {**last.spec, "job": {**(last.spec.get("job") or {}), field: value}}
    text = lastspecs.encode(spec, first_deployment=last.first_deployment)
    was_stable = record.last_stable_spec == record.last_reconciled_spec
    changes = {"last_reconciled_spec": text, "last_stable_spec": text if was_stable else record.last_stable_spec}
    return status.model_copy(update={"reconciliation_status": record.model_copy(update=changes)})


def _info(status: CommonStatus, kind: SnapshotKind) -> SavepointInfo | CheckpointInfo:
    return status.job_status.savepoint_info if kind == "savepoint" else status.job_status.checkpoint_info


def _changed(status: S, kind: SnapshotKind, **changes: Any) -> S:
    info = _info(status, kind).model_copy(update=changes)
    job = status.job_status.model_copy(update={f"{kind}_info": info})
    return status.model_copy(update={"job_status": job})


def _savepoint_format(text: str) -> Any:
    return text if text in ("CANONICAL", "NATIVE") else "UNKNOWN"


def _checkpoint_format(text: str) -> Any:
    return text if text in ("FULL", "INCREMENTAL") else "UNKNOWN"
