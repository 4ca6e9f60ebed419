"""Finding the newest usable state: what is recorded, what the directories hold, and what is done on the way."""

from dataclasses import replace

import pytest
from situations import JOB_ID, NOW_MS, condition, deployment, facts, reasons, spec, status, step

from operator_core.build import statelistings as pods
from operator_core.decide import statelistings, stoprecords
from operator_core.decide.decisions import EndListing, Look, Record, Rest, ScaleToZero, StartListing, Step
from operator_core.decide.facts import Facts, Listing
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Need
from operator_core.model.statuses import FlinkDeploymentStatus, Savepoint, SavepointInfo

GONE: dict = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink()}
CHECKPOINT = f"/cp/{JOB_ID}/chk-7"
SAVEPOINT = f"/sp/savepoint-{JOB_ID[:6]}-0123456789ab"


def _asked(value: str = "r1 latest", conf: dict[str, str] | None = None, **more: object) -> Facts:
    values: dict = {**GONE, "annotations": {"gitsync.io/restore-from": value}, **more}
    return facts(spec(conf), values.pop("was", status(spec(conf))), **values)


def _listed(*found: tuple[str, int], state: str = "done", purpose: str = "r1") -> Listing:
    return Listing(purpose, state, found)  # type: ignore[arg-type]


def _restored(taken: Step) -> str | None:
    assert isinstance(taken.decision, Record), taken.decision
    return taken.status.job_status.upgrade_savepoint_path


def test_nothing_is_listed_while_a_job_manager_could_still_write() -> None:
    stands = _asked(live_deployment=deployment(), pods=({"metadata": {"name": "app-1"}},))
    assert step(stands).decision == ScaleToZero("uid-jm")
    zero = deployment()
    zero["spec"]["replicas"] = 0
    ending = step(_asked(live_deployment=zero, pods=({"metadata": {"name": "app-1"}},)))
    assert isinstance(ending.decision, Rest) and condition(ending, "Ready")[1] == "Restoring"
    assert step(_asked(live_deployment=zero)).decision == Look((Need.STATE_LISTING,))


def test_a_pod_lists_the_directories_once() -> None:
    started = step(_asked(listing=None))
    assert isinstance(started.decision, StartListing)
    assert started.decision.directories == (f"/cp/{JOB_ID}", "/sp") and started.decision.purpose == "r1"
    assert isinstance(step(_asked(listing=_listed(purpose="older"))).decision, StartListing)
    assert step(_asked(listing=_listed(state="pending"))).decision == Rest(1.0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([(CHECKPOINT, 5), (SAVEPOINT, 3)], f"file:{CHECKPOINT}", id="the newest"),
        pytest.param([(CHECKPOINT, 3), (SAVEPOINT, 5)], f"file:{SAVEPOINT}", id="also where it is a savepoint"),
        pytest.param([("/sp/savepoint-ffffff-0123456789ab", 9), (CHECKPOINT, 1)], f"file:{CHECKPOINT}", id="its own"),
        pytest.param([(f"/cp/{JOB_ID}/shared", 9), (CHECKPOINT, 1)], f"file:{CHECKPOINT}", id="complete ones"),
    ],
)
def test_the_newest_of_its_own(found: list[tuple[str, int]], expected: str) -> None:
    taken = step(_asked(listing=_listed(*((path, NOW_MS + at) for path, at in found))))
    assert _restored(taken) == expected
    assert isinstance(taken.decision, Record) and taken.decision.then == EndListing()
    value, reason, message = condition(taken, "UpgradeBlocked")
    assert (value, reason) == ("False", "RequestHandled") and "r1" in message


def _plain(path: str | None) -> str:
    return str(path).removeprefix("file:").removeprefix("//")


def _recorded(location: str, at: int) -> object:
    was = status(spec())
    info = SavepointInfo(last_savepoint=Savepoint(time_stamp=at, location=location))
    return was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})


def test_what_is_recorded_counts_unless_its_directory_says_it_is_gone() -> None:
    newer = _recorded(f"file://{SAVEPOINT}", NOW_MS)
    there = _listed((CHECKPOINT, NOW_MS - 1), (SAVEPOINT, NOW_MS))
    assert _plain(_restored(step(_asked(was=newer, listing=there)))) == SAVEPOINT
    assert _restored(step(_asked(was=newer, listing=_listed((CHECKPOINT, 1))))) == f"file:{CHECKPOINT}"
    elsewhere = _recorded("s3://bucket/savepoint-1", NOW_MS)
    assert _restored(step(_asked(was=elsewhere, listing=_listed((CHECKPOINT, 1))))) == "s3://bucket/savepoint-1"


def test_times_of_one_clock_are_compared_where_there_are_any() -> None:
    """The agent's clock may be ahead of the storage's."""
    ahead = _recorded(f"file://{SAVEPOINT}", NOW_MS + 600_000)
    listing = _listed((CHECKPOINT, NOW_MS - 1000), (SAVEPOINT, NOW_MS - 60_000))
    assert _restored(step(_asked(was=ahead, listing=listing))) == f"file:{CHECKPOINT}"


GIVEN = "file:/sp/savepoint-ffffff-0123456789ab"


def _given(path: str = GIVEN, *, at: int = NOW_MS, stopped: bool = False) -> FlinkDeploymentStatus:
    """A deployment that started from `path` and was changed in place, or its Ingress was, at `at`."""
    was = status(spec(state="suspended" if stopped else "running"), how="savepoint")
    job = was.job_status.model_copy(update={"upgrade_savepoint_path": path})
    record = was.reconciliation_status.model_copy(update={"reconciliation_timestamp": at})
    return was.model_copy(update={"job_status": job, "reconciliation_status": record})


def test_what_the_deployment_began_from_is_older_than_what_it_made() -> None:
    listing = _listed((CHECKPOINT, NOW_MS - 5000))
    assert _restored(step(_asked(was=_given(), listing=listing))) == f"file:{CHECKPOINT}"
    assert _restored(step(_asked(was=_given(), listing=_listed((GIVEN.removeprefix("file:"), 1))))) == GIVEN


def test_a_stop_that_ended_settled_the_state() -> None:
    """A JobManager that restarted before it was torn down has run the job again from older state."""
    listing = _listed((CHECKPOINT, NOW_MS), (SAVEPOINT, NOW_MS - 9000))
    stopped = _given(f"file:{SAVEPOINT}", at=NOW_MS - 8000, stopped=True)
    assert statelistings.newest(_asked(was=stopped), listing) == statelistings.State(f"file:{SAVEPOINT}", NOW_MS - 9000)


def test_snapshot_resources_count() -> None:
    kept = {
        "spec": {"savepoint": {}},
        "status": {"state": "COMPLETED", "path": "s3://b/sp", "resultTimestamp": "2026-01-01T12:00:00Z"},
    }
    failed = {"spec": {"savepoint": {}}, "status": {"state": "FAILED", "path": "s3://b/no"}}
    assert _restored(step(_asked(snapshots=(kept, failed), listing=_listed((CHECKPOINT, 1))))) == "s3://b/sp"


@pytest.mark.parametrize("listing", [_listed(), _listed(state="failed")], ids=["nothing there", "not listed"])
def test_where_nothing_is_known_it_says_what_else_can_be_done(listing: Listing) -> None:
    blocked = step(_asked(listing=listing))
    value, reason, message = condition(blocked, "UpgradeBlocked")
    assert (value, reason) == ("True", "RestoreFailed") and "accept-state-loss" in message and "path" in message


def test_then_a_request_to_start_without_state_answers_both() -> None:
    both = {"gitsync.io/restore-from": "r1 latest", "gitsync.io/accept-state-loss": "l1"}
    taken = step(_asked(listing=_listed(), annotations=both))
    assert _restored(taken) is None and condition(taken, "RequestsHandled")[2] == "r1 l1"
    handled = facts(spec(), taken.status, annotations=both, **GONE)
    assert not isinstance(step(handled).decision, StartListing)


def test_other_object_stores_are_not_listed() -> None:
    stores = {"state.checkpoints.dir": "gs://bucket/cp", "state.savepoints.dir": "abfs://bucket/sp"}
    asked = _asked(conf=stores)
    assert statelistings.directories(asked) == ()
    assert condition(step(asked), "UpgradeBlocked")[1] == "RestoreFailed"


def test_a_named_path_needs_no_search() -> None:
    assert _restored(step(_asked("r1 s3://bucket/mine", deployment=deployment()))) == "s3://bucket/mine"


def _stopping(**more: object) -> Facts:
    was = status(spec())
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 9000, trigger_type="UPGRADE")
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    values: dict = {**GONE, **more}
    return facts(spec(parallelism=2), was, **values)


def test_a_stop_whose_job_manager_was_lost_is_looked_for_in_the_directory() -> None:
    assert step(_stopping()).decision == Look((Need.STATE_LISTING,))
    assert isinstance(step(_stopping(listing=None)).decision, StartListing)
    found = _stopping(listing=_listed((SAVEPOINT, NOW_MS - 8000), (CHECKPOINT, NOW_MS), purpose="b" * 32))
    assert _restored(step(found)) == f"file:{SAVEPOINT}", "a checkpoint may be one of the rerun"
    older = _stopping(listing=_listed((SAVEPOINT, NOW_MS - 60_000), purpose="b" * 32))
    assert condition(step(older), "UpgradeBlocked")[0] == "True"
    known = replace(
        found, snapshots=({"spec": {"savepoint": {}}, "status": {"state": "COMPLETED", "path": SAVEPOINT}},)
    )
    assert condition(step(known), "UpgradeBlocked")[0] == "True", "one that was taken for another reason"
    assert "UpgradeFailed" in reasons(step(known))


def test_the_savepoint_of_a_stop_comes_before_newer_checkpoints() -> None:
    """They may be those of a rerun that began from older state."""
    listing = _listed((SAVEPOINT, NOW_MS - 8000), (CHECKPOINT, NOW_MS))
    asked = _asked(was=_stopping().status, listing=listing)
    assert _restored(step(asked)) == f"file:{SAVEPOINT}"


def test_without_it_the_checkpoint_that_got_furthest_counts() -> None:
    """A rerun from older state counts its checkpoints from there again, so the newest file may be the older state."""
    rerun = f"/cp/{JOB_ID}/chk-4"
    listing = _listed((CHECKPOINT, NOW_MS - 20_000), (rerun, NOW_MS), (SAVEPOINT, NOW_MS - 60_000))
    assert _restored(step(_asked(was=_stopping().status, listing=listing))) == f"file:{CHECKPOINT}"


def test_so_it_does_for_a_cancellation_under_way() -> None:
    rerun = f"/cp/{JOB_ID}/chk-4"
    listing = _listed((CHECKPOINT, NOW_MS - 20_000), (rerun, NOW_MS))
    asked = _asked(was=stoprecords.cancelling(facts(spec(), status(spec()))), listing=listing)
    assert _restored(step(asked)) == f"file:{CHECKPOINT}"


def test_the_pod_has_what_the_job_has_and_nothing_of_the_cluster() -> None:
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "flink-config-volume", "mountPath": "/opt/flink/conf"}]
    main = {"name": "flink-main-container", "image": "job:1", "volumeMounts": mounts, "args": ["x"], "ports": [{}]}
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "flink-config-volume", "configMap": {"name": "flink-config-app"}},
    ]
    template = {
        "containers": [{"name": "side"}, main],
        "initContainers": [{"name": "fetch"}],
        "volumes": volumes,
        "serviceAccountName": "flink",
        "imagePullSecrets": [{"name": "s"}],
    }
    owners = [{"uid": "uid-app"}]
    manifest = {
        "metadata": {"name": "app", "namespace": "ns", "ownerReferences": owners},
        "spec": {"template": {"spec": template}},
    }
    pod = pods.pod(manifest, ("/data/cp",), "r1")
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["args"]) == ("job:1", ["/data/cp"])
    assert (
        [each["name"] for each in container["volumeMounts"]]
        == ["data"]
        == [each["name"] for each in pod["spec"]["volumes"]]
    )
    assert pod["spec"]["serviceAccountName"] == "flink" and pod["spec"]["imagePullSecrets"] == [{"name": "s"}]
    assert pod["spec"]["restartPolicy"] == "Never" and "initContainers" not in pod["spec"]
    assert pod["metadata"]["ownerReferences"] == owners and "app" not in pod["metadata"]["labels"]
    assert pod["metadata"]["annotations"] == {pods.PURPOSE: "r1"}
