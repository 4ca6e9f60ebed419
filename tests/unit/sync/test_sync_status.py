"""The status of a SyncApp from what a pass found, the record of a commit, and writes that are not worth repeating."""

from datetime import datetime, timedelta

from syncfindings import ENTRY, JOB, LATER, MAP, NOW, R1, R2, build, condition, desired, findings, plan

from gitsync.model.differences import Difference, Kind
from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Deletion, Keep, Prune, Unchanged, Update
from gitsync.model.syncstatuses import Problem, Status
from gitsync.plan import deletions
from gitsync.plan.health import Assessed
from gitsync.plan.healthrules import Verdict
from gitsync.report import conditions, status
from gitsync.report.findings import Findings, WriteBack
from operator_core.kube.requests import CONFIG_MAPS

PROBLEM = Problem(reason="RenderFailed", message="bad indentation", file="apps/b.yaml", line=4)


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


def going(since: datetime = NOW) -> Findings:
    left = deletions.keep(JOB, "v1beta1", Deletion(since, ("a/finalizer",)))
    return findings(plan=plan(Unchanged(desired()), removals=(left,)))


def test_object_on_its_way_out_is_waited_for_by_name() -> None:
    new = build(going())
    assert condition(new, "Ready") == (
        "False",
        "Progressing",
        "FlinkDeployment n/j is being deleted; waits for the finalizer a/finalizer",
    )
    assert condition(new, "Reconciling")[0] == "True"
    assert condition(new, "Stalled")[0] == "False"
    assert conditions.newly_blocked(Status(), new) == ""


def test_finalizer_that_never_ends_needs_a_person_and_is_told_once() -> None:
    first = build(going(NOW - timedelta(minutes=5)))
    status, reason, message = condition(first, "Ready")
    assert (status, reason) == ("False", "DeletionBlocked")
    assert "the finalizer a/finalizer blocks it" in message
    assert condition(first, "Stalled")[:2] == ("True", "DeletionBlocked")
    assert conditions.newly_blocked(build(going()), first) == message
    assert conditions.newly_blocked(first, build(going(NOW - timedelta(minutes=9)))) == ""
