"""Hooks of an app's deletion: which run when, what a failure holds back, and that a restart changes nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Desired
from gitsync.model.syncpolicies import Retry
from gitsync.model.syncstatuses import Operation
from gitsync.plan import deletionhooks, hooks
from gitsync.plan.deletionhooks import Scene
from gitsync.plan.healthrules import HEALTHY, Verdict
from gitsync.plan.hooks import Hook, HookPhase
from gitsync.plan.operations import Next
from operator_core.jsonvalues import Object
from operator_core.kube.requests import Resource

JOBS = Resource("batch", "v1", "jobs", "Job")
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
APP, SHA = AppName("sys", "web"), "a" * 40
RUNNING, FAILED = Verdict("Progressing", "runs"), Verdict("Degraded", "exit code 1")


def hook(name: str, phases: str, policy: str = "", wave: int = 0) -> Hook:
    annotations = {"argocd.argoproj.io/hook": phases, "argocd.argoproj.io/sync-wave": str(wave)}
    if policy:
        annotations["argocd.argoproj.io/hook-delete-policy"] = policy
    body: Object = {"kind": "Job", "metadata": {"name": name, "namespace": "n", "annotations": annotations}}
    return hooks.of(Desired(Identity("batch", "Job", "n", name), JOBS, body, name, "a.yaml", 1))


class Deletion:
    """The deletion of an app; the cluster has what was made, in the state that a test says."""

    def __init__(self, *found: Hook) -> None:
        self.found, self.now = found, NOW
        self.operation: Operation | None = None
        self.live: dict[Identity, Object] = {}
        self.says: dict[str, Verdict] = {}

    def step(self, phase: HookPhase) -> Next:
        begun = deletionhooks.begun(self.operation, SHA, self.now)
        verdicts = {one: self.says.get(one.name, RUNNING) for one in self.live}
        step = deletionhooks.step(begun, Scene(APP, SHA, self.found, verdicts, self.live), phase, Retry(), self.now)
        # What is kept is what the API server has: a restart knows nothing more.
        self.operation = Operation.model_validate(step.operation.model_dump(by_alias=True, mode="json"))
        for one in step.delete:
            del self.live[one]
        for run in step.make:
            self.live[run.desired.identity] = run.desired.body
        return step

    def waits(self, phase: HookPhase) -> str:
        """What the phase waits for once nothing is left to record."""
        for _ in range(5):
            step = self.step(phase)
        found = deletionhooks.waits_for(step, self.now)
        return found.why if found is not None else ""

    @property
    def names(self) -> list[str]:
        return sorted(one.name for one in self.live)


PRE, POST = HookPhase.PRE_DELETE, HookPhase.POST_DELETE


def test_an_annotation_tells_phases_of_a_sync_from_those_of_a_deletion() -> None:
    both = hook("a", "PreSync, PreDelete")
    assert (both.phases, both.deletion) == ({HookPhase.PRE_SYNC}, {PRE})
    assert deletionhooks.ids((both, hook("b", "PostDelete"))) == ("PostDelete batch/Job:n/b", "PreDelete batch/Job:n/a")


def test_a_hook_is_recorded_before_it_is_made() -> None:
    deletion = Deletion(hook("a", "PreDelete"))
    first = deletion.step(PRE)
    assert [one.state for one in first.operation.hooks] == ["Pending"] and first.operation.deletes
    assert [run.desired.identity.name for run in first.make] == ["a"]
    assert deletion.step(PRE).make == (), "it is there"


def test_phases_and_waves_go_one_by_one() -> None:
    deletion = Deletion(hook("late", "PreDelete", wave=1), hook("early", "PreDelete"), hook("after", "PostDelete"))
    assert "waits for the PreDelete hook" in deletion.waits(PRE)
    assert deletion.names == ["early"]
    deletion.says["early"] = HEALTHY
    assert "waits for the PreDelete hook" in deletion.waits(PRE)
    assert deletion.names == ["early", "late"]
    deletion.says["late"] = HEALTHY
    assert deletion.waits(PRE) == "" and "after" not in deletion.names
    assert "waits for the PostDelete hook" in deletion.waits(POST)
    deletion.says["after"] = HEALTHY
    assert deletion.waits(POST) == ""
    assert deletion.waits(PRE) == "", "what is done stays done"


def test_a_failure_holds_the_deletion_back_and_is_tried_again_without_end() -> None:
    deletion = Deletion(hook("fine", "PreDelete"), hook("bad", "PreDelete"))
    deletion.says = {"fine": HEALTHY, "bad": FAILED}
    pauses = []
    for attempt in range(8):
        why = deletion.waits(PRE)
        assert "the hook PreDelete batch/Job:n/bad failed: exit code 1" in why and "DeleteHooks=false" in why
        assert deletion.operation is not None and deletion.operation.attempt == attempt
        at = datetime.fromisoformat(deletion.operation.retry_at or "")
        pauses.append((at - deletion.now).total_seconds())
        deletion.now = at + timedelta(seconds=1)
    assert pauses == [5, 10, 20, 40, 80, 160, 180, 180]
    deletion.says["bad"] = HEALTHY
    assert deletion.waits(PRE) == ""


def test_what_succeeded_is_not_run_again_with_what_failed() -> None:
    deletion = Deletion(hook("fine", "PreDelete"), hook("bad", "PreDelete"))
    deletion.says = {"fine": HEALTHY, "bad": FAILED}
    deletion.waits(PRE)
    deletion.now += timedelta(minutes=1)
    made = [run.desired.identity.name for _ in range(5) for run in deletion.step(PRE).make]
    assert made == ["bad"]


@pytest.mark.parametrize(
    ("policy", "verdict", "left"),
    [
        ("HookSucceeded", HEALTHY, []),
        ("HookFailed", FAILED, []),
        ("HookSucceeded", FAILED, ["a"]),
        ("", HEALTHY, ["a"]),
    ],
)
def test_delete_policies(policy: str, verdict: Verdict, left: list[str]) -> None:
    deletion = Deletion(hook("a", "PreDelete", policy))
    deletion.waits(PRE)
    deletion.says["a"] = verdict
    deletion.waits(PRE)
    assert deletion.names == left


def test_the_operation_of_a_sync_is_not_the_deletion() -> None:
    sync = Operation(revision=SHA, mark="1", phase="Succeeded")
    begun = deletionhooks.begun(sync, SHA, NOW)
    assert begun.deletes and begun.hooks == () and begun.mark != "1"
