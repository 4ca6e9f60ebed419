"""What happens to a session cluster: deployed, replaced, recovered, kept for its users, deleted."""

from dataclasses import replace

import pytest
from situations import NOW_MS, SPEC, condition, deployment, facts, reasons

from operator_core.decide import sessions
from operator_core.decide.decisions import (
    CreateCluster,
    DeleteCluster,
    FinishCluster,
    Look,
    Record,
    Release,
    Rest,
    Step,
)
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Flink, Unreachable, Version
from operator_core.decide.needs import NOT_READ, Need
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.statuses import FlinkDeploymentStatus, ReconciliationStatus

SESSION = {key: value for key, value in SPEC.items() if key != "job"}
CHANGED = {**SESSION, "image": "flink:2"}
ANSWERS = Flink(version=Version("1.20.5", "x"))
RELEASED = {"kubernetes.operator.session.deletion.block-on-session-jobs": "false"}
SHARED = {"kubernetes.operator.session.deletion.block-on-unmanaged-jobs": "false"}


def status(state: str = "DEPLOYED", *, generation: int = 1, stable: bool = True) -> FlinkDeploymentStatus:
    """The status of a session cluster."""
    text = lastspecs.encode(SESSION, first_deployment=True)
    record = ReconciliationStatus(
        reconciliation_timestamp=NOW_MS - 600_000,
        last_reconciled_spec=text,
        last_stable_spec=text if stable else None,
        state=state,
    )
    return FlinkDeploymentStatus(
        reconciliation_status=record, observed_generation=generation, job_manager_deployment_status="READY"
    )


def of(wanted: Object = SESSION, was: FlinkDeploymentStatus | None = None, **more: object) -> Facts:
    """Facts of a session cluster that stands and answers."""
    conf = more.pop("conf", {})
    wanted = {**wanted, "flinkConfiguration": {**wanted["flinkConfiguration"], **conf}}  # type: ignore[dict-item]
    values = {"flink": ANSWERS, "session_jobs": NOT_READ, **more}
    return replace(facts(wanted, was or status(), **values), session_jobs=values["session_jobs"])  # type: ignore[arg-type]


def job(name: str) -> Object:
    """A FlinkSessionJob of the cluster that was never submitted."""
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"deploymentName": "app"}}


def deleting(**more: object) -> Facts:
    """The same, being deleted."""
    return of(meta={"deletionTimestamp": "2026-01-01T12:00:00Z"}, **more)


def test_the_first_record_comes_before_the_first_object() -> None:
    given = of(was=FlinkDeploymentStatus(), deployment=None)
    assert sessions.decide(given).decision == Look((Need.LIVE_DEPLOYMENT,))
    free = sessions.decide(replace(given, live_deployment=None))
    assert free.decision == Record("deploy-recorded", None)
    assert free.status.reconciliation_status.state == "UPGRADING"
    assert free.status.job_status.job_id is None
    assert reasons(free) == ["Submit"]
    taken = sessions.decide(replace(given, live_deployment=deployment()))
    assert condition(taken, "UpgradeBlocked")[1] == "DeploymentExists"


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(None, CreateCluster, id="to be made"),
        pytest.param(deployment(), FinishCluster, id="made before a crash"),
        pytest.param(deployment(annotations={}), DeleteCluster, id="of an older generation"),
        pytest.param(deployment(deletionTimestamp="2026-01-01T12:00:00Z"), Rest, id="the older one goes"),
        pytest.param(deployment(annotations={}, ownerReferences=[]), Rest, id="somebody else's"),
    ],
)
def test_a_recorded_deployment_is_made_once(live: Object | None, expected: type) -> None:
    taken = sessions.decide(of(was=status("UPGRADING"), live_deployment=live))
    assert isinstance(taken.decision, expected)


def test_a_changed_spec_replaces_the_cluster_after_a_trial() -> None:
    changed = of(CHANGED, preflight=None, session_jobs=())
    taken = sessions.decide(changed)
    assert taken.decision == Record("deploy-recorded", DeleteCluster("uid-jm", None))
    assert reasons(taken) == ["SpecChanged", "Submit"]
    assert sessions.decide(replace(changed, preflight=NOT_READ)).decision == Look((Need.PREFLIGHT,))
    refused = sessions.decide(replace(changed, preflight="no such volume"))
    assert isinstance(refused.decision, Rest)
    assert condition(refused, "Ready")[:2] == ("False", "ValidationError")


@pytest.mark.parametrize(
    ("flink", "seen", "ready"),
    [
        (ANSWERS, "READY", "Running"),
        (Flink(version=Unreachable("busy")), "DEPLOYED_NOT_READY", "Progressing"),
    ],
)
def test_it_is_ready_when_flink_answers(flink: Flink, seen: str, ready: str) -> None:
    taken = sessions.decide(of(was=status(stable=False), flink=flink))
    assert taken.status.job_manager_deployment_status == seen
    assert condition(taken, "Ready")[1] == ready
    record = taken.status.reconciliation_status
    assert (record.last_stable_spec == record.last_reconciled_spec) == (seen == "READY")


def test_a_lost_cluster_is_made_again_unless_that_is_switched_off() -> None:
    lost = of(deployment=None, live_deployment=None, pods=())
    assert reasons(sessions.decide(lost)) == ["Missing", "RecoverDeployment", "Submit"]
    off = of(
        deployment=None,
        live_deployment=None,
        pods=(),
        conf={"kubernetes.operator.jm-deployment-recovery.enabled": "false"},
    )
    blocked = sessions.decide(off)
    assert condition(blocked, "UpgradeBlocked")[:2] == ("True", "Missing")
    assert "restartNonce" in condition(blocked, "UpgradeBlocked")[2]


def _why(taken: Step) -> str:
    match taken.decision:
        case Look(needs):
            return "look " + " ".join(needs)
        case DeleteCluster():
            return "deleted"
        case Rest():
            return condition(taken, "Ready")[2]
    return str(taken.decision)


@pytest.mark.parametrize(
    ("conf", "jobs", "running", "why"),
    [
        pytest.param({}, NOT_READ, NOT_READ, f"look {Need.SESSION_JOBS}", id="asked who uses it"),
        pytest.param(
            {}, (job("a"), job("b")), NOT_READ, "The session jobs [a, b] should be deleted first", id="session jobs"
        ),
        pytest.param({}, (), NOT_READ, f"look {Need.RUNNING_JOBS}", id="asked what runs"),
        pytest.param({}, (), ("1",), "[1] that should be cancelled first", id="a job nobody declared"),
        pytest.param({}, (), (), "deleted", id="nobody"),
        pytest.param({}, (), Unreachable("hangs"), "deleted", id="nobody can tell"),
        pytest.param(SHARED, (), NOT_READ, "deleted", id="jobs nobody declared do not count"),
        pytest.param(RELEASED, NOT_READ, NOT_READ, "deleted", id="nobody counts"),
    ],
)
def test_who_keeps_a_cluster_from_being_deleted(conf: Object, jobs: object, running: object, why: str) -> None:
    given = deleting(conf=conf, session_jobs=jobs, flink=replace(ANSWERS, running=running))
    assert why in _why(sessions.decide(given))


def test_a_deletion_is_told_once_and_ends() -> None:
    kept = sessions.decide(deleting(session_jobs=(job("a"),)))
    assert reasons(kept) == ["Cleanup", "CleanupFailed"]
    again = replace(deleting(session_jobs=(job("a"),)), status=kept.status)
    assert reasons(sessions.decide(again)) == []
    gone = deleting(session_jobs=(), deployment=None, live_deployment=None, pods=(), ha=HaMetadata((), False))
    assert sessions.decide(gone).decision == Release(None)
