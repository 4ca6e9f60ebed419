"""The status of a SyncApp from what a pass found, the record of a commit, and writes that are not worth repeating."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitsync.apply import adopting
from gitsync.apply.refusals import FREE_REPAIRS, Refusals
from gitsync.model.differences import Difference, Kind
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Desired, Keep, Plan, Prune, Step, Unchanged, Update
from gitsync.model.records import Phase
from gitsync.model.syncstatuses import InventoryEntry, Problem, Status
from gitsync.plan.health import Assessed
from gitsync.plan.healthrules import Verdict
from gitsync.report import recording, status
from gitsync.report.findings import Findings, WriteBack
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, UTC)
LATER = NOW + timedelta(minutes=1)
APP = AppName("sys", "root")
MAP = Identity("", "ConfigMap", "n", "a")
JOB = Identity("flink.apache.org", "FlinkDeployment", "n", "j")
ENTRY = InventoryEntry(id=str(MAP), version="v1", revision="r1" * 20)
R1, R2 = "r1" * 20, "r2" * 20


def desired(identity: Identity = MAP, digest: str = "d") -> Desired:
    resource = CONFIG_MAPS if identity is MAP else FLINK_DEPLOYMENTS
    return Desired(identity, resource, {"metadata": {}}, digest, "apps/a.yaml", 3)


def plan(*steps: Step, revision: str = R1, removals: tuple[Any, ...] = ()) -> Plan:
    return Plan(revision, steps, removals, (), (ENTRY,))


def findings(**changes: Any) -> Findings:
    base: dict[str, Any] = {
        "attempted": R1,
        "plan": plan(Unchanged(desired())),
        "carried_out": True,
        "assessed": (Assessed(MAP, None),),
    }
    return Findings(**{**base, **changes})


def condition(found: Status, kind: str) -> tuple[str, str, str]:
    one = next(c for c in found.conditions if c.type == kind)
    return one.status, one.reason, one.message


def build(found: Findings, old: Status | None = None, now: datetime = NOW) -> Status:
    return status.build(old or Status(), 1, found, now)


def test_applied_and_healthy_is_ready() -> None:
    found = build(findings())
    assert condition(found, "Ready") == ("True", "Synced", "revision r1r1r1r is applied")
    assert condition(found, "Stalled")[0] == condition(found, "Reconciling")[0] == "False"
    assert found.sync is not None and (found.sync.status, found.sync.revision) == ("Synced", R1)
    assert found.history[-1].revision == R1
    assert found.inventory == (ENTRY,)


def test_nothing_new_gives_an_equal_status() -> None:
    first = build(findings())
    assert build(findings(), first, LATER) == first


def test_survives_the_api_server() -> None:
    first = build(findings(write_back=WriteBack(False, "PushForbidden", "no")))
    assert Status.model_validate(first.to_json()) == first


def test_progress_is_reconciling_and_settles() -> None:
    moving = findings(assessed=(Assessed(JOB, Verdict("Progressing", "boots")),))
    first = build(moving)
    assert condition(first, "Ready")[:2] == ("False", "Progressing")
    assert condition(first, "Reconciling")[0] == "True"
    settled = build(findings(), first, LATER)
    assert condition(settled, "Ready")[0] == "True"
    changed = next(c for c in settled.conditions if c.type == "Ready")
    kept = next(c for c in settled.conditions if c.type == "Stalled")
    assert changed.last_transition_time == "2026-01-01T12:01:00.123Z"
    assert kept.last_transition_time == "2026-01-01T12:00:00.123Z"


def test_only_words_about_progress_can_wait() -> None:
    first = build(findings(assessed=(Assessed(JOB, Verdict("Progressing", "boots")),)))
    second = build(findings(assessed=(Assessed(JOB, Verdict("Progressing", "restores")),)), first)
    third = build(findings(assessed=(Assessed(JOB, Verdict("Degraded", "crashes")),)), first)
    assert second != first
    assert status.is_only_progress(first, second)
    assert not status.is_only_progress(first, third)
    assert not status.is_only_progress(first, first)


PROBLEM = Problem(reason="RenderFailed", message="bad indentation", file="apps/b.yaml", line=4)


def test_broken_commit_stalls_and_keeps_what_was_applied() -> None:
    first = build(findings())
    broken = findings(attempted=R2, is_newest=False, problems=(PROBLEM,), stalled=True)
    found = build(broken, first, LATER)
    ready = condition(found, "Ready")
    assert ready[:2] == ("False", "RenderFailed")
    assert ready[2] == "apps/b.yaml:4: bad indentation (revision r1r1r1r stays applied)"
    assert condition(found, "Stalled")[:2] == ("True", "RenderFailed")
    assert found.sync is not None and (found.sync.status, found.sync.revision) == ("OutOfSync", R1)
    assert found.inventory == first.inventory
    assert found.attempted_revision == R2


def test_nothing_comparable_keeps_the_inventory() -> None:
    first = build(findings())
    lost = Findings(None, None, problems=(Problem(reason="RepositoryUnreachable", message="no answer"),))
    found = build(lost, first, LATER)
    assert found.sync is not None and (found.sync.status, found.sync.revision) == ("Unknown", R1)
    assert found.inventory == first.inventory
    assert found.resources == first.resources
    assert condition(found, "Stalled")[0] == "False"


def test_refused_object_is_out_of_sync_with_its_reason() -> None:
    refused = Problem(reason="Invalid", message="too large", file="apps/a.yaml", line=3, object=MAP.shown)
    found = build(findings(plan=plan(Create(desired())), refused=frozenset({MAP}), problems=(refused,)))
    assert found.sync is not None and (found.sync.status, found.sync.revision) == ("OutOfSync", None)
    assert (found.resources[0].status, found.resources[0].message) == ("OutOfSync", "too large")


def test_only_compared_says_why_and_where() -> None:
    drift = Update(desired(), (Difference(("data", "k"), Kind.changed),), adopts=False)
    found = build(findings(plan=plan(drift), carried_out=False, held_back="suspended: move"))
    assert condition(found, "Ready") == ("False", "OutOfSync", "suspended: move")
    assert found.resources[0].message == "differs at data.k"


def test_kept_object_is_out_of_sync_but_does_not_make_the_app_unready() -> None:
    keep = Keep(Identity("", "ConfigMap", "n", "old"), "v1", "no longer in Git; pruning is off", blocks=False)
    found = build(findings(plan=plan(Unchanged(desired()), removals=(keep,))))
    assert found.sync is not None and found.sync.status == "OutOfSync"
    assert condition(found, "Ready")[0] == "True"
    assert found.resources[-1].requires_pruning is True


def test_blocked_prune_needs_a_person() -> None:
    keep = Keep(Identity("", "Namespace", "", "old"), "v1", "delete it by hand", blocks=True)
    assert condition(build(findings(plan=plan(removals=(keep,)))), "Ready")[:2] == ("False", "PruneBlocked")


def test_pruned_object_leaves_the_list_at_once() -> None:
    prune = Prune(Identity("", "ConfigMap", "n", "old"), CONFIG_MAPS, "uid", False)
    found = build(findings(plan=plan(Unchanged(desired()), removals=(prune,)), pruned=frozenset({prune.identity})))
    assert found.sync is not None and found.sync.status == "Synced"
    assert [r.name for r in found.resources] == ["a"]


def test_written_ahead_before_the_first_write() -> None:
    found = status.starting(Status(), 1, plan(Create(desired())), NOW)
    assert found.inventory == (ENTRY,)
    assert condition(found, "Ready")[:2] == ("False", "Applying")
    assert found.sync is not None and found.sync.revision is None


def test_effect_stays_until_the_next_change() -> None:
    first = build(findings(plan=plan(Create(desired(JOB))), effects={JOB: "create"}))
    second = build(findings(plan=plan(Unchanged(desired(JOB)))), first)
    assert second.resources[0].effect == "create"


def test_history_is_limited_and_numbered() -> None:
    found = Status()
    for number in range(4):
        revision = f"{number}" * 40
        found = status.build(found, 1, findings(attempted=revision, plan=plan(revision=revision)), NOW, history_limit=2)
    assert [(one.id, one.revision[0]) for one in found.history] == [(2, "2"), (3, "3")]


def live_job(reason: str = "Running", state: str = "RUNNING") -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "spec": {"job": {}},
        "status": {
            "jobStatus": {"state": state, "jobId": "abc", "upgradeSavepointPath": "s3://x/savepoint-1"},
            "conditions": [{"type": "Ready", "status": "True", "reason": reason}],
        },
    }


@pytest.mark.parametrize(
    ("found", "live", "phase"),
    [
        pytest.param(findings(assessed=(Assessed(JOB, Verdict("Healthy")),)), live_job(), Phase.RUNNING, id="running"),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Healthy")),)), live_job("Stable"), Phase.STABLE, id="stable"
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Healthy")),)),
            live_job(state="FINISHED"),
            Phase.STABLE,
            id="bounded",
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Progressing", "boots")),)),
            live_job(),
            Phase.APPLIED,
            id="applied",
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Degraded", "crashes")),)), live_job(), Phase.FAILED, id="failed"
        ),
        pytest.param(
            findings(attempted=R2, is_newest=False, problems=(PROBLEM,), stalled=True),
            live_job(),
            Phase.FAILED,
            id="broken",
        ),
    ],
)
def test_record_says_how_far_a_commit_came(found: Findings, live: dict[str, Any], phase: Phase) -> None:
    new = build(found)
    record = recording.record("prod", APP, found, new, {JOB: live}, NOW)
    assert record is not None
    assert (record.phase, record.revision) == (phase, R2 if phase is Phase.FAILED and found.stalled else R1)
    assert record.jobs[0].job_id == "abc"


def upgraded_job(observed: int = 2) -> dict[str, Any]:
    live = live_job("Stable")
    taken = {"location": "s3://x/savepoint-1", "timeStamp": 1, "triggerType": "UPGRADE"}
    live["metadata"] = {"generation": 2}
    live["status"]["observedGeneration"] = observed
    live["status"]["jobStatus"]["savepointInfo"] = {"lastSavepoint": taken, "savepointHistory": [taken]}
    return live


def applied_job(effect: str, changed_at: str, revision: str) -> tuple[Findings, Status]:
    """A commit that is applied whole to a job whose content changed last at `changed_at` and had `effect` then."""
    entry = InventoryEntry(id=str(JOB), version="v1beta1", revision=changed_at, digest="d")
    steps = (Unchanged(desired(JOB)),)
    found = findings(attempted=revision, plan=Plan(revision, steps, (), (), (entry,)), assessed=(Assessed(JOB, None),))
    before = status.starting(Status(), 1, Plan(changed_at, steps, (), (), (entry,)), NOW, {JOB: effect})
    return found, build(found, before)


def told(effect: str, *, changed_at: str = R2, live: dict[str, Any] | None = None) -> tuple[str, str, str]:
    found, new = applied_job(effect, changed_at, R2)
    record = recording.record("prod", APP, found, new, {JOB: live or upgraded_job()}, NOW)
    assert record is not None
    job = record.jobs[0]
    return job.effect, job.restored_from, job.savepoint


@pytest.mark.parametrize(
    ("effect", "restored", "left"),
    [
        ("upgrade-savepoint", "s3://x/savepoint-1", "s3://x/savepoint-1"),
        ("upgrade-last-state", "s3://x/savepoint-1", ""),
        ("resume", "s3://x/savepoint-1", ""),
        ("suspend", "", "s3://x/savepoint-1"),
        ("scale-in-place", "", ""),
        ("none", "", ""),
    ],
)
def test_record_tells_of_a_job_what_its_commit_did(effect: str, restored: str, left: str) -> None:
    assert told(effect) == (effect, restored, left)


def test_record_of_a_commit_that_left_a_job_alone_tells_nothing_of_former_commits() -> None:
    assert told("upgrade-savepoint", changed_at=R1) == ("none", "", "")


def test_record_tells_no_state_before_the_commit_is_deployed() -> None:
    assert told("upgrade-savepoint", live=upgraded_job(observed=1)) == ("upgrade-savepoint", "", "")


def test_no_record_without_a_commit() -> None:
    found = Findings(None, None, problems=(PROBLEM,), stalled=True)
    assert recording.record("prod", APP, found, build(found), {}, NOW) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(findings(problems=(Problem(reason="RepositoryUnreachable", message="m"),)), id="unreachable"),
        pytest.param(findings(plan=plan(Create(desired())), carried_out=False, held_back="suspended"), id="held back"),
    ],
)
def test_commit_that_is_not_applied_yet_is_pending_and_not_failed(found: Findings) -> None:
    record = recording.record("prod", APP, found, build(found), {}, NOW)
    assert record is not None and record.phase is Phase.PENDING


def test_rejected_job_is_named_in_the_record() -> None:
    rejected = Problem(reason="ValidationError", message="m", file="f", line=1, object=JOB.shown)
    found = findings(attempted=R2, is_newest=False, problems=(rejected,), stalled=True)
    record = recording.record("prod", APP, found, build(found), {JOB: live_job()}, NOW)
    assert record is not None and record.jobs[0].effect == "rejected"


def test_refused_write_waits_longer_each_time_and_only_for_this_content() -> None:
    refusals, problem = Refusals(), Problem(reason="Invalid", message="m")
    one = plan(Create(desired(digest="d1")))
    pauses = [refusals.remember(APP, MAP, "d1", problem, 0.0) for _ in range(3)]
    assert pauses == [2.0, 4.0, 8.0]
    held = refusals.held(APP, one, 1.0)
    assert (held.problems, held.next_try) == ({MAP: problem}, 7.0)
    assert refusals.held(APP, one, 9.0).problems == {}
    assert refusals.held(APP, plan(Create(desired(digest="d2"))), 1.0).problems == {}
    refusals.clear(APP)
    assert refusals.held(APP, one, 1.0).problems == {}


def test_fight_over_a_field_is_not_fought_at_full_speed() -> None:
    refusals = Refusals()
    drift = Update(desired(), (Difference(("spec", "replicas"), Kind.changed),), adopts=False)
    for _ in range(FREE_REPAIRS):
        refusals.repaired(APP, drift, 1.0)
    assert refusals.held(APP, plan(drift), 1.0).problems == {}
    refusals.repaired(APP, drift, 1.0)
    held = refusals.held(APP, plan(drift), 1.0)
    assert "spec.replicas" in held.problems[MAP].message
    assert held.next_try is not None and held.next_try > 0


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply", **rest: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **rest}


def test_adoption_takes_over_fields_of_former_tools_only() -> None:
    last_applied = {"f:kubectl.kubernetes.io/last-applied-configuration": {}}
    managed = [
        entry(
            "kubectl-client-side-apply",
            {"f:data": {"f:a": {}}, "f:metadata": {"f:annotations": last_applied}},
            "Update",
        ),
        entry("argocd-controller", {"f:data": {"f:b": {}}}),
        entry("some-controller", {"f:data": {"f:c": {}}}, "Update"),
        entry("kubectl-edit", {"f:status": {}}, "Update", subresource="status"),
    ]
    moved = adopting.migrated(managed)
    assert moved is not None
    assert [one["manager"] for one in moved] == ["some-controller", "kubectl-edit", "gitsync"]
    assert moved[-1]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:annotations": {}}}
    assert adopting.migrated([entry("some-controller", {})]) is None
