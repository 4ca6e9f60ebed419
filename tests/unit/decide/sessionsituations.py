"""Situations of a FlinkSessionJob for tables of decisions: its cluster, what the status says, what Flink says."""

from __future__ import annotations

from datetime import UTC, datetime

from operator_core.conf import defaults as layers
from operator_core.decide import sessionjobs, sessionrules
from operator_core.decide.facts import Ids
from operator_core.decide.flinkfacts import Flink, Job
from operator_core.decide.sessionfacts import Session, SessionFacts, Submission
from operator_core.decide.sessionstops import SessionStep
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinksessionjobs, lastspecs
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
JOB_ID = "0" * 31 + "1"
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha"}
READY_POD: Object = {"metadata": {"name": "p"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def spec(top: Object | None = None, /, **job: object) -> Object:
    """A session job's spec with other fields."""
    base = {"entryClass": "x", "args": ["--a"], "parallelism": 1, "state": "running", "upgradeMode": "savepoint"}
    return {"deploymentName": "cluster", "job": {**base, **job}, **(top or {})}


def cluster(
    conf: dict[str, str] | None = None, /, *, ready: str = "Running", observed: int = 1, **more: object
) -> Object:
    """The session cluster's FlinkDeployment, deployed; `ready` is the reason of its Ready condition."""
    flink = {"state.checkpoints.dir": "file:///cp", "state.savepoints.dir": "file:///sp", **(conf or {})}
    deployed: Object = {"flinkVersion": "v1_20", "flinkConfiguration": flink}
    text = lastspecs.encode(deployed, first_deployment=True)
    status = {
        "observedGeneration": observed,
        "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": text},
        "conditions": [{"type": "Ready", "reason": ready, "status": "True", "observedGeneration": 1}],
        **more.pop("status", {}),  # type: ignore[dict-item]
    }
    meta: Object = {"name": "cluster", "namespace": "ns", "uid": "uid-c", "generation": 1, **more}
    return {"metadata": meta, "spec": deployed, "status": status}


def status(deployed: Object, *, how: str = "stateless", state: str = "DEPLOYED", job: str = "RUNNING", **more: object):
    """The status of a job that was submitted ten minutes ago."""
    text = lastspecs.encode({**deployed, "job": {**deployed["job"], "upgradeMode": how}}, first_deployment=False)
    record = {"state": state, "lastReconciledSpec": text, "reconciliationTimestamp": NOW_MS - 600_000}
    told = {"jobId": JOB_ID, "state": job, "startTime": str(NOW_MS - 590_000), **more.pop("job_status", {})}  # type: ignore[dict-item]
    body = {"jobStatus": told, "reconciliationStatus": record, "observedGeneration": 1, **more}
    return flinksessionjobs.parse({"metadata": {"name": "job"}, "status": body}).status


def job(state: str = "RUNNING", **more: object) -> Job:
    """What the overview says of the job."""
    values: dict[str, object] = {
        "id": JOB_ID,
        "name": "job",
        "state": state,
        "start": NOW_MS - 590_000,
        "end": -1,
        "tasks_total": 2,
        "tasks_settled": 2,
        **more,
    }
    return Job(**values)  # type: ignore[arg-type]


def facts(
    wanted: Object,
    was: FlinkSessionJobStatus | None,
    *,
    session: Object | None,
    flink: Flink | None = None,
    serves: bool = True,
    submission: Submission = None,
    namespace_ends: bool = False,
    **meta: object,
) -> SessionFacts:
    """Facts of one step; `was` None: nothing was ever submitted."""
    head: Object = {"name": "job", "namespace": "ns", "uid": "uid-j", "generation": 1}
    head |= {"finalizers": [flinksessionjobs.FINALIZER], **meta}
    resource: Object = {"kind": "FlinkSessionJob", "metadata": head, "spec": wanted}
    before = was or FlinkSessionJobStatus()
    last = lastspecs.deployed(before.reconciliation_status)
    parsed = flinksessionjobs.parse(resource)
    deployed = sessionrules.cluster_spec(session)
    conf = sessionrules.configuration(parsed.spec, "ns", deployed, layers.NONE)
    return SessionFacts(
        resource=resource,
        parsed=parsed,
        invalid="; ".join(sessionrules.validate(parsed, last, session, layers.NONE)) or None,
        status=before,
        last=last,
        conf=conf,
        last_conf=conf,
        session=Session(
            name="cluster",
            resource=session,
            deployment={"metadata": {"name": "cluster", "creationTimestamp": "2026-01-01T11:00:00Z"}}
            if session
            else None,
            pods=(READY_POD,) if serves else (),
            spec=deployed,
            live=session,
        ),
        submission=submission,
        now=NOW,
        ids=Ids(job="j" * 32, trigger="t" * 32),
        flink=flink or Flink(),
        namespace_ends=namespace_ends,
    )


def decided(*args: object, **kwargs: object) -> SessionStep:
    """The step for these facts."""
    return sessionjobs.decide(facts(*args, **kwargs))  # type: ignore[arg-type]


def ready(step: SessionStep) -> tuple[str, str, str]:
    """Status, reason and message of the step's Ready condition."""
    return next((c.status, c.reason, c.message) for c in step.status.conditions if c.type == "Ready")


def recorded(step: SessionStep) -> tuple[str, str, str]:
    """Reconciliation state, and the recorded job's state and upgrade mode."""
    record = step.status.reconciliation_status
    spec = lastspecs.decode(record.last_reconciled_spec or "").spec
    return record.state, dig(spec, "job", "state"), dig(spec, "job", "upgradeMode")
