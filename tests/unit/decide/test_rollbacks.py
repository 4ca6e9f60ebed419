"""Rollback: when it is due, from which state, and what the records say on the way, also those of the Java operator."""

from dataclasses import replace

import pytest
from situations import HA, NOW_MS, READY_POD, condition, deployment, facts, reasons, running_job, spec, status, step

from operator_core.decide import deploymentrecords, starts, wanted
from operator_core.decide.decisions import CreateCluster, Look, Record, Rest, ScaleToZero, Step
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Need
from operator_core.decide.phases import Phase, phase_of
from operator_core.model import lastspecs
from operator_core.model.statuses import FlinkDeploymentStatus

ON = {**HA, "kubernetes.operator.deployment.rollback.enabled": "true"}
GOOD, BAD = spec(ON, upgradeMode="last-state"), {**spec(ON, upgradeMode="last-state"), "image": "bad:1"}
METADATA = HaMetadata(("app-cluster-config-map",), True)
WAITING = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}, "name": "main"}
STUCK_POD = {"metadata": {"name": "app-1"}, "status": {"containerStatuses": [WAITING]}}
UNSTARTED = {"conditions": [{"type": "Available", "status": "False", "lastTransitionTime": "2026-01-01T11:50:00Z"}]}


def _status(since: float, *, stable: object = GOOD, tried: object = BAD, **more: object) -> FlinkDeploymentStatus:
    """`tried` was deployed so many seconds ago, after `stable` had run."""
    was = status(tried, how="last-state", stable=False, state="RECONCILING", **more)  # type: ignore[arg-type]
    text = lastspecs.encode(stable, first_deployment=True) if stable else None  # type: ignore[arg-type]
    record = was.reconciliation_status.model_copy(
        update={"last_stable_spec": text, "reconciliation_timestamp": NOW_MS - int(since * 1000)}
    )
    return was.model_copy(update={"reconciliation_status": record})


def _broken(since: float, wanted_spec: object = BAD, *, started: bool = False, **more: object) -> Facts:
    """The newest deployment cannot pull its image; `started`: it served before."""
    jm = deployment()
    if not started:
        jm["status"] = UNSTARTED
    values: dict = {"deployment": jm, "pods": (STUCK_POD,), "flink": Flink(), "ha": METADATA, **more}
    return facts(wanted_spec, _status(since), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "started", "begins"),
    [
        pytest.param(29, False, False, id="pulls are tried again"),
        pytest.param(31, False, True, id="it never started and why is known: no need to wait for the deadline"),
        pytest.param(299, True, False, id="it had started: not before the deadline"),
        pytest.param(301, True, True, id="the deadline is over"),
    ],
)
def test_when_it_is_due(since: float, started: bool, begins: bool) -> None:
    taken = step(_broken(since, started=started))
    if begins and started:
        assert reasons(taken) == ["Rollback"]
    elif begins:
        assert isinstance(taken.decision, Look) and taken.decision.needs == (Need.LIVE_DEPLOYMENT,)
    else:
        assert isinstance(taken.decision, Rest)
        assert float(taken.decision.seconds or 0) <= 1.2, "it comes back when the rollback is due"


def test_what_never_started_is_first_made_sure_never_to_start() -> None:
    given = _broken(31)
    frozen = step(replace(given, live_deployment=given.deployment))
    assert isinstance(frozen.decision, ScaleToZero) and (frozen.decision.uid, frozen.decision.version) == (
        "uid-jm",
        "7",
    )
    marked = deployment(annotations={"gitsync.io/unstarted": "true"})
    marked["spec"]["replicas"] = 0
    assert reasons(step(_broken(32, deployment=marked, pods=()))) == ["Rollback"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(facts(BAD, _status(999, stable=None), flink=Flink(), pods=(), ha=METADATA), "nothing was stable"),
        pytest.param(facts(BAD, status(BAD), flink=Flink(), pods=(), ha=METADATA), "it is stable"),
        pytest.param(
            facts(BAD, _status(999, stable={**GOOD, "flinkVersion": "v2_0"}), flink=Flink(), pods=(), ha=METADATA),
            "the version changed",
        ),
        pytest.param(
            facts(BAD, _status(999, stable=spec(ON, state="suspended")), flink=Flink(), pods=(), ha=METADATA),
            "the stable one was suspended",
        ),
        pytest.param(
            facts(BAD, _status(999), flink=Flink(), pods=(), ha=HaMetadata((), False)), "the state is not known"
        ),
        pytest.param(
            facts(spec(HA), _status(999, tried=spec(HA)), flink=Flink(), pods=(), ha=METADATA), "it is not switched on"
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_it_is_not(given: Facts, why: str) -> None:
    assert "Rollback" not in reasons(step(given)), why


def _record(step: Step) -> tuple[str, str, str, str]:
    """State, image of the last reconciled spec, its job's state, how the job was stopped."""
    record = step.status.reconciliation_status
    last = lastspecs.decode(str(record.last_reconciled_spec)).spec
    return record.state, last["image"], last["job"]["state"], last["job"]["upgradeMode"]


def _going_on(taken: Step, wanted_spec: object = BAD, **more: object) -> Facts:
    """The next step's facts: nothing stands any more."""
    values: dict = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink(), "ha": METADATA, **more}
    return facts(wanted_spec, taken.status, **values)  # type: ignore[arg-type]


def test_the_whole_way_and_what_each_record_says() -> None:
    begun = step(_broken(301, started=True))
    assert _record(begun) == ("ROLLING_BACK", "bad:1", "suspended", "last-state")
    assert begun.status.lifecycle_state == "ROLLING_BACK" and condition(begun, "Ready")[1] == "RollingBack"
    last = lastspecs.deployed(begun.status.reconciliation_status)
    assert phase_of(begun.status, last) is Phase.TEARING_DOWN

    created = step(_going_on(begun))
    assert isinstance(created.decision, Record) and isinstance(created.decision.then, CreateCluster)
    assert created.decision.then.spec["image"] == "job:1" and created.decision.then.last_state
    assert _record(created) == ("ROLLING_BACK", "bad:1", "running", "last-state")
    assert created.status.job_status.job_id == begun.status.job_status.job_id
    last = lastspecs.deployed(created.status.reconciliation_status)
    assert phase_of(created.status, last) is Phase.DEPLOYING
    assert starts.cluster_of(created.status) == created.decision.then, "the same after a crash as before it"

    done = deploymentrecords.deployed(_going_on(created))
    assert done.reconciliation_status.state == "ROLLED_BACK"
    seen = step(facts(BAD, done, meta={"generation": 1}))
    seen = step(facts(BAD, seen.status)) if not isinstance(seen.decision, Rest) else seen
    assert _record(replace(seen, status=done))[1:3] == ("bad:1", "running")


def _rolled_back(wanted_spec: object, **more: object) -> Facts:
    was = status(BAD, how="last-state", stable=False)
    text = lastspecs.encode(GOOD, first_deployment=True)
    record = was.reconciliation_status.model_copy(update={"last_stable_spec": text, "state": "ROLLED_BACK"})
    info = {**was.cluster_info, "given-up": "ImagePullBackOff: no such image"}
    was = was.model_copy(update={"reconciliation_status": record, "cluster_info": info})
    return facts(wanted_spec, was, ha=METADATA, **more)  # type: ignore[arg-type]


def test_rolled_back_is_told_and_never_ready() -> None:
    rests = step(_rolled_back(BAD))
    assert isinstance(rests.decision, Rest) and rests.status.lifecycle_state == "ROLLED_BACK"
    value, reason, message = condition(rests, "Ready")
    assert (value, reason) == ("False", "RolledBack") and "no such image" in message
    assert condition(rests, "Running")[0] == "True"


def test_the_stable_spec_committed_again_heals_without_a_restart() -> None:
    healed = step(_rolled_back(GOOD, meta={"generation": 3}))
    assert isinstance(healed.decision, Record) and healed.decision.then is None
    assert _record(healed)[:2] == ("DEPLOYED", "job:1") and healed.status.observed_generation == 3
    settled = step(facts(GOOD, healed.status, meta={"generation": 3}))
    assert settled.status.lifecycle_state == "STABLE" and condition(settled, "Ready")[0] == "True"


def test_another_spec_is_an_upgrade_as_any() -> None:
    taken = step(_rolled_back({**GOOD, "image": "job:2"}, preflight=None))
    assert _record(taken)[0] == "UPGRADING" and reasons(taken) == ["SpecChanged", "Suspended"]
    created = step(_going_on(taken, {**GOOD, "image": "job:2"}))
    assert _record(created)[:2] == ("UPGRADING", "job:2")


def test_a_spec_written_during_the_rollback_is_deployed_instead() -> None:
    begun = step(_broken(301, started=True))
    created = step(_going_on(begun, {**GOOD, "image": "job:2"}))
    assert _record(created)[:2] == ("UPGRADING", "job:2") and created.status.job_status.upgrade_savepoint_path


def test_a_job_that_is_lost_after_the_rollback_comes_back_with_the_stable_spec() -> None:
    gone = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink()}
    lost = step(_rolled_back(BAD, **gone))
    assert _record(lost)[:2] == ("ROLLING_BACK", "bad:1") and "RecoverDeployment" in reasons(lost)
    again = step(_going_on(lost))
    assert isinstance(again.decision, Record) and isinstance(again.decision.then, CreateCluster)
    assert again.decision.then.spec["image"] == "job:1"


def test_a_refused_spec_leaves_a_rolled_back_job_alone() -> None:
    rests = step(_rolled_back(GOOD, invalid="spec.image: no"))
    assert isinstance(rests.decision, Rest) and rests.status.reconciliation_status.state == "ROLLED_BACK"


@pytest.mark.parametrize("stands", [True, False], ids=["the failed cluster stands", "it is gone"])
def test_a_rollback_that_the_java_operator_began_is_gone_on_with(stands: bool) -> None:
    """It leaves the job's state at running, so that nobody can tell how far it got."""
    was = _status(301)
    record = was.reconciliation_status.model_copy(update={"state": "ROLLING_BACK"})
    was = was.model_copy(update={"reconciliation_status": record})
    there: dict = {"pods": (READY_POD,)} if stands else {"deployment": None, "live_deployment": None, "pods": ()}
    given = facts(BAD, was, flink=Flink(job=running_job()), ha=METADATA, **there)
    taken = step(given)
    assert _record(taken) == ("ROLLING_BACK", "bad:1", "suspended", "last-state")
    assert wanted.wanted(given).rolls_back and wanted.wanted(given).spec["image"] == "job:1"
    lost = step(replace(given, ha=HaMetadata((), False)))
    assert condition(lost, "UpgradeBlocked")[0] == "True" or not stands
