"""What a plan says a change will do to a job."""

import copy

import pytest

from operator_core.decide import plans
from operator_core.decide.plans import Effect
from operator_core.model import lastspecs

HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha"}


def _manifest(**job: object) -> dict:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "app", "namespace": "ns"},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "flink",
            "flinkConfiguration": {
                "state.checkpoints.dir": "file:///cp",
                "state.savepoints.dir": "file:///sp",
                "taskmanager.numberOfTaskSlots": "2",
            },
            "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "savepoint", **job},
        },
    }


def _live(spec: dict, *, state: str = "RUNNING", job_manager: str = "READY", **job: object) -> dict:
    deployed = {**spec, "job": {**spec["job"], "state": "running", **job}}
    return {
        **_manifest(),
        "spec": spec,
        "status": {
            "jobStatus": {"state": state},
            "jobManagerDeploymentStatus": job_manager,
            "reconciliationStatus": {
                "state": "DEPLOYED",
                "lastReconciledSpec": lastspecs.encode(deployed, first_deployment=False),
            },
        },
    }


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        (None, {}, Effect.CREATE),
        ({}, None, Effect.DELETE),
        ({}, {}, Effect.NONE),
        ({}, {"allowNonRestoredState": True}, Effect.NONE),
        ({}, {"parallelism": 2}, Effect.UPGRADE_SAVEPOINT),
        ({}, {"parallelism": 2, "upgradeMode": "last-state"}, Effect.UPGRADE_LAST_STATE),
        ({}, {"parallelism": 2, "upgradeMode": "stateless"}, Effect.STATE_LOSS),
        ({"upgradeMode": "stateless"}, {"parallelism": 2, "upgradeMode": "stateless"}, Effect.RESTART_STATELESS),
        ({}, {"state": "suspended"}, Effect.SUSPEND),
        ({"state": "suspended"}, {}, Effect.RESUME),
        ({"state": "suspended"}, {"upgradeMode": "stateless"}, Effect.STATE_LOSS),
        ({"state": "suspended"}, {"state": "suspended", "parallelism": 3}, Effect.NONE),
        ({}, {"savepointRedeployNonce": 1, "initialSavepointPath": "file:/sp/1"}, Effect.REDEPLOY),
        ({}, {"parallelism": 0}, Effect.REJECTED),
        ({}, {"parallelism": "many"}, Effect.REJECTED),
    ],
)
def test_effect_of_two_manifests(old: dict | None, new: dict | None, effect: Effect) -> None:
    """Without the live object the manifests decide."""
    before = _manifest(**old) if old is not None else None
    after = _manifest(**new) if new is not None else None
    assert plans.effect_of(before, after).effect is effect


def test_the_recorded_spec_is_compared_not_the_manifest_before() -> None:
    """Git went A, B, A while only A was deployed: nothing happens."""
    old, new = _manifest(parallelism=2), _manifest()
    assert plans.effect_of(old, new, live=_live(new["spec"])).effect is Effect.NONE


@pytest.mark.parametrize(
    ("state", "job_manager", "effect"),
    [
        ("RUNNING", "READY", Effect.UPGRADE_SAVEPOINT),
        ("RESTARTING", "READY", Effect.UPGRADE_LAST_STATE),
        ("FAILED", "READY", Effect.REDEPLOY),
        ("RECONCILING", "ERROR", Effect.REDEPLOY),
    ],
)
def test_the_live_job_decides_how_it_is_stopped(state: str, job_manager: str, effect: Effect) -> None:
    """A savepoint needs a job that runs."""
    live = _live(_manifest()["spec"], state=state, job_manager=job_manager)
    assert plans.effect_of(_manifest(), _manifest(parallelism=2), live=live).effect is effect


def test_a_plan_names_paths_and_no_values() -> None:
    """Plans end up in Git."""
    new = _manifest()
    new["spec"]["flinkConfiguration"]["s3.secret-key"] = "hunter2"
    found = plans.effect_of(_manifest(), new)
    assert found.changes == ("flinkConfiguration.s3.secret-key",)
    assert "hunter2" not in str(found)


def test_a_deletion_that_keeps_state_says_so() -> None:
    """The annotation asks for a savepoint."""
    gone = copy.deepcopy(_manifest())
    gone["metadata"]["annotations"] = {"gitsync.io/on-delete": "savepoint"}
    assert "savepoint" in plans.effect_of(gone, None).reason
    assert "no savepoint" in plans.effect_of(_manifest(), None).reason


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "nothing that runs"),
        ({"image": "flink:1.20.1"}, "stopped with it first and submitted again"),
        ({"image": "x", "flinkConfiguration": HA}, "recovers the jobs"),
    ],
)
def test_a_change_of_a_session_cluster(change: dict, text: str) -> None:
    """Its jobs are named, for they are what it is there for."""
    old = _manifest()
    del old["spec"]["job"]
    new = copy.deepcopy(old)
    new["spec"] |= change
    found = plans.effect_of(old, new)
    assert text in found.reason
    assert found.effect is (Effect.REDEPLOY if change else Effect.NONE)
    assert "session job" in plans.effect_of(old, None).reason
    assert plans.effect_of(None, old).effect is Effect.CREATE


@pytest.mark.parametrize(
    ("job", "options", "replicas", "effect"),
    [
        (True, {"scheduler-mode": "reactive"}, 2, Effect.SCALE_IN_PLACE),
        (True, {"scheduler-mode": "reactive"}, None, Effect.NONE),
        (True, {}, 2, Effect.UPGRADE_SAVEPOINT),
        (False, {}, 2, Effect.SCALE_IN_PLACE),
    ],
)
def test_more_task_managers_of_a_standalone_cluster(
    job: bool, options: dict, replicas: int | None, effect: Effect
) -> None:
    """In place where Flink can use them without a new deployment."""
    old = _manifest()
    old["spec"]["mode"] = "standalone"
    old["spec"]["flinkConfiguration"] |= options
    if not job:
        del old["spec"]["job"]
    new = copy.deepcopy(old)
    new["spec"]["taskManager"]["replicas"] = replicas
    assert plans.effect_of(old, new).effect is effect


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({}, {"savepointTriggerNonce": 1}, "a savepoint is taken; the job goes on running"),
        ({"savepointTriggerNonce": 1}, {"savepointTriggerNonce": 2}, "a savepoint is taken; the job goes on running"),
        ({}, {"checkpointTriggerNonce": 1}, "a checkpoint is taken; the job goes on running"),
        (
            {},
            {"savepointTriggerNonce": 1, "checkpointTriggerNonce": 1},
            "a savepoint is taken and a checkpoint is taken; the job goes on running",
        ),
        ({"savepointTriggerNonce": 1}, {}, "nothing that runs is touched"),
    ],
)
def test_a_nonce_touches_nothing_that_runs_and_the_plan_says_what_it_takes(before, after, reason) -> None:
    effect = plans.effect_of(_manifest(**before), _manifest(**after))
    assert (effect.effect, effect.reason) == (Effect.NONE, reason)


def _session_job(**job: object) -> dict:
    spec = {"jarURI": "https://example.com/job.jar", "parallelism": 1, "upgradeMode": "savepoint", **job}
    meta = {"name": "job", "namespace": "ns"}
    body = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob", "metadata": meta}
    return {**body, "spec": {"deploymentName": "cluster", "job": spec}}


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        (None, _session_job(), plans.Effect.CREATE),
        (_session_job(), _session_job(), plans.Effect.NONE),
        (_session_job(), _session_job(parallelism=2), plans.Effect.UPGRADE_SAVEPOINT),
        (_session_job(), _session_job(parallelism=2, upgradeMode="last-state"), plans.Effect.UPGRADE_LAST_STATE),
        (_session_job(), _session_job(parallelism=2, upgradeMode="stateless"), plans.Effect.STATE_LOSS),
        (_session_job(), _session_job(state="suspended"), plans.Effect.SUSPEND),
        (_session_job(state="suspended"), _session_job(), plans.Effect.RESUME),
        (_session_job(), _session_job(jarURI="ftp://h/x.jar"), plans.Effect.REJECTED),
        (_session_job(), None, plans.Effect.DELETE),
    ],
)
def test_a_change_of_a_session_job(old, new, effect) -> None:
    """Its cluster plays no part: what only the cluster's configuration tells is judged in the loop."""
    assert plans.effect_of(old, new).effect is effect
