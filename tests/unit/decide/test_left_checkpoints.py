"""Whose the checkpoints are that a stopped run leaves for the next one, and when their files go."""

import json
from dataclasses import replace

import pytest
from situations import JOB_ID, facts, running_job, spec, status, step

from operator_core.decide import deploymentrecords, leftcheckpoints
from operator_core.decide.decisions import DisposeSavepoint, Rest
from operator_core.decide.facts import Facts
from operator_core.decide.records import Restore
from operator_core.model.statuses import JobStatus

OWN, OLDER = f"file:/cp/{JOB_ID}/chk-7", f"file:/cp/{'0' * 31}9/chk-3"
INFO = {"flink-version": "1.20.5", "state-size": "1", "exceptions-told": "0 9999999999999"}
SAVEPOINT = "kubernetes.operator.savepoint."


def _deployed(given: Facts, restore: Restore) -> tuple[str, ...]:
    wanted = given.resource["spec"]
    return leftcheckpoints.of(deploymentrecords.deploying(given, wanted, 2, restore, first=False))


@pytest.mark.parametrize(
    ("restore", "conf", "left"),
    [
        pytest.param(Restore("savepoint", OWN), {}, (OLDER, OWN), id="the run's own checkpoint"),
        pytest.param(Restore("savepoint", "file:/sp/savepoint-000000-1"), {}, (OLDER,), id="savepoints have a record"),
        pytest.param(Restore("savepoint", "file:/cp/other/chk-7"), {}, (OLDER,), id="of another job"),
        pytest.param(Restore("last-state"), {}, (OLDER,), id="HA metadata names what goes on"),
        pytest.param(Restore("stateless"), {}, (), id="without state they are left to people"),
        pytest.param(
            Restore("savepoint", OWN), {"execution.state-recovery.claim-mode": "CLAIM"}, (OLDER,), id="claimed by Flink"
        ),
        pytest.param(
            Restore("savepoint", OWN), {"execution.savepoint-restore-mode": "LEGACY"}, (OLDER,), id="goes on being used"
        ),
    ],
)
def test_what_a_deployment_remembers(restore: Restore, conf: dict[str, str], left: tuple[str, ...]) -> None:
    was = status(spec(conf), cluster_info={leftcheckpoints.KEY: json.dumps([OLDER])})
    assert _deployed(facts(spec(conf), was), restore) == left


def test_what_a_person_named_is_theirs() -> None:
    was = status(spec(), cluster_info={leftcheckpoints.KEY: json.dumps([OLDER])})
    asked = facts(spec(), was, annotations={"gitsync.io/restore-from": f"one {OWN}"})
    assert _deployed(asked, Restore("savepoint", OWN)) == ()
    assert _deployed(facts(spec(initialSavepointPath=OWN), was), Restore("savepoint", OWN)) == ()


def test_a_path_is_remembered_once_and_not_without_end() -> None:
    many = [f"file:/cp/{number}/chk-1" for number in range(10)]
    given = facts(spec(), status(spec(), cluster_info={leftcheckpoints.KEY: json.dumps(many)}))
    assert _deployed(given, Restore("savepoint", many[0])) == tuple(many)
    assert _deployed(given, Restore("savepoint", OWN)) == (*many[1:], OWN)


def _running(conf: dict[str, str] | None = None, info: dict[str, str] | None = None, state: str = "RUNNING") -> Facts:
    info = INFO | {leftcheckpoints.KEY: json.dumps([OLDER, OWN])} if info is None else info
    job = JobStatus(job_id="f" * 32, state=state, upgrade_savepoint_path=OWN, start_time=str(running_job().start))
    return facts(spec(conf), status(spec(conf), job_status=job, cluster_info=info))


def test_the_one_before_goes_and_what_the_deployment_starts_from_stays() -> None:
    found = step(_running())
    assert found.decision == DisposeSavepoint(OLDER)
    after = leftcheckpoints.disposed(found.status, OLDER)
    assert leftcheckpoints.of(after) == (OWN,)
    assert isinstance(step(replace(_running(), status=after)).decision, Rest)
    assert leftcheckpoints.KEY not in leftcheckpoints.disposed(after, OWN).cluster_info


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(_running(state="RESTARTING"), id="the job does not run"),
        pytest.param(
            _running(
                info={"flink-version": "1", "checkpointing": "disabled", leftcheckpoints.KEY: json.dumps([OLDER])}
            ),
            id="it has no checkpoint of its own",
        ),
        pytest.param(_running({SAVEPOINT + "cleanup.enabled": "false"}), id="cleaning is switched off"),
        pytest.param(_running({SAVEPOINT + "dispose-on-delete": "false"}), id="files are to stay"),
        pytest.param(_running({"execution.state-recovery.claim-mode": "LEGACY"}), id="this run uses its files"),
        pytest.param(_running(info=INFO | {leftcheckpoints.KEY: "["}), id="nobody can read it"),
    ],
)
def test_when_nothing_goes(given: Facts) -> None:
    assert leftcheckpoints.outlived(given) is None
