"""What the events say of real lives of jobs: every step and trouble, with reason, type and component as docs/events.md.

The resources are changed at the API server, as another tool than Git would; only the operator half runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import highlyavailable
import pytest
import savedstates
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

pytestmark = pytest.mark.full
OPERATOR = "kubernetes.operator."
Row = tuple[str, str, str]
SUBMIT = ("Submit", "Normal", "JobManagerDeployment")
SPEC_CHANGED = ("SpecChanged", "Normal", "JobManagerDeployment")
SUSPENDED = ("Suspended", "Normal", "JobManagerDeployment")
STATUS_CHANGED = ("JobStatusChanged", "Normal", "Job")
UPGRADE = {SPEC_CHANGED, SUSPENDED, SUBMIT, STATUS_CHANGED}
NO_IMAGE = {(reason, "Warning", "JobManagerDeployment") for reason in ("ErrImagePull", "ImagePullBackOff")}


@dataclass(slots=True)
class Life:
    """A job's resource, and what is told about it beyond what was heard before."""

    team: Team
    name: str
    heard: dict[str, int] = field(default_factory=dict)

    def hears(self, *expected: Row, but: frozenset[Row] = frozenset()) -> None:
        """Wait until all that is expected was told, and nothing besides it and `but`; the next time begins here.

        That the job's state changed may always be told.
        """
        wanted = set(expected)
        self.team.until(lambda: wanted <= self._new(self._events()), f"{sorted(wanted)} told of {self.name}")
        events = self._events()
        told = self._new(events)
        more = told - wanted - but - {STATUS_CHANGED}
        assert not more, [each["message"] for each in events if each["reason"] in {reason for reason, *_ in more}]
        self.heard = {each["metadata"]["name"]: each["count"] for each in events}

    def changes(self, change: Callable[[Object], None]) -> None:
        """Edit the resource's spec."""
        spec = dig(self.team.deployment(self.name), "spec")
        change(spec)
        patch: Object = {"spec": spec}
        self.team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, self.team.jobs, self.name, patch))

    def ends(self) -> None:
        """Delete the resource, and wait for the release of its finalizer."""
        self.team.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, self.team.jobs, self.name))
        self.team.until(lambda: self.team.deployment(self.name) is None, f"{self.name} gone")

    def lifecycle(self, state: str) -> None:
        """Wait for a lifecycle state."""

        def reached() -> bool:
            return dig(self.team.deployment(self.name), "status", "lifecycleState") == state

        self.team.until(reached, f"{self.name} {state}")

    def _events(self) -> list[Object]:
        about = {"kind": "FlinkDeployment", "name": self.name}
        return [each for each in self.team.events() if about.items() <= each["involvedObject"].items()]

    def _new(self, events: list[Object]) -> set[Row]:
        more = [each for each in events if each["count"] > self.heard.get(each["metadata"]["name"], 0)]
        return {(each["reason"], each["type"], each["source"]["component"]) for each in more}


@pytest.fixture(scope="module")
def operated(team: Team) -> Iterator[Team]:
    """The operator half, and the access that jobs need."""
    for body in yaml.safe_load_all(team.access_file()):
        group, _, version = body["apiVersion"].rpartition("/")
        kind = requests.Resource(group, version, f"{body['kind'].lower()}s", body["kind"])
        team.client.send(requests.create(kind, team.jobs, body))
    with team.agent(GITSYNC_ROLE="operator"):
        yield team


def begin(team: Team, name: str, change: Callable[[Object], None]) -> Life:
    """Create a job, and hear what is told until it runs."""
    body = yaml.safe_load(team.job_file(name, change))
    team.client.send(requests.create(requests.FLINK_DEPLOYMENTS, team.jobs, body))
    life = Life(team, name)
    team.running(name)
    life.hears(SUBMIT, STATUS_CHANGED)
    return life


def configured(manifest: Object, conf: dict[str, str]) -> None:
    manifest["spec"]["flinkConfiguration"] |= conf


def test_a_job_that_is_changed_lost_and_rolled_back(operated: Team) -> None:
    def first(manifest: Object) -> None:
        highlyavailable.change(manifest)
        patience = {f"{OPERATOR}deployment.readiness.timeout": "2 min"}
        configured(manifest, {f"{OPERATOR}deployment.rollback.enabled": "true"} | patience)

    life = begin(operated, "lasting", first)
    life.lifecycle("STABLE")

    life.changes(lambda spec: spec["job"].update(parallelism=-1))
    life.hears(("ValidationError", "Warning", "Operator"))
    life.changes(lambda spec: spec["job"].update(parallelism=2))
    operated.running("lasting", parallelism=2)
    life.hears(*UPGRADE)

    life.changes(lambda spec: spec["job"].update(state="suspended"))
    life.lifecycle("SUSPENDED")
    life.hears(SPEC_CHANGED, SUSPENDED)
    life.changes(lambda spec: spec["job"].update(state="running"))
    operated.running("lasting", parallelism=2)
    life.hears(SPEC_CHANGED, SUBMIT, STATUS_CHANGED)
    life.lifecycle("STABLE")

    savedstates.saved(operated, "lasting")
    operated.client.send(requests.delete(requests.DEPLOYMENTS, operated.jobs, "lasting"))
    life.hears(
        ("Missing", "Warning", "JobManagerDeployment"),
        ("RecoverDeployment", "Warning", "Job"),
        SUBMIT,
        STATUS_CHANGED,
    )
    life.lifecycle("STABLE")

    life.changes(lambda spec: spec.update(image="ticks:no-such-tag"))
    life.lifecycle("ROLLED_BACK")
    rolled_back = ("Rollback", "Normal", "JobManagerDeployment")
    life.hears(*UPGRADE, rolled_back, ("ErrImagePull", "Warning", "JobManagerDeployment"), but=frozenset(NO_IMAGE))
    life.changes(lambda spec: spec.update(image="ticks:1.20"))
    life.lifecycle("STABLE")
    life.hears()


def test_a_job_that_fails_and_is_started_again(operated: Team) -> None:
    def failing(manifest: Object) -> None:
        manifest["spec"]["job"]["args"] = ["--rate", "100", "--fail-after", "600"]
        configured(manifest, {"restart-strategy.type": "none", f"{OPERATOR}job.restart.failed": "true"})

    life = begin(operated, "failing", failing)
    again: set[Row] = {(reason, "Warning", "Job") for reason in ("JobException", "Error", "RestartFailedJob")}
    life.hears(*again, SUBMIT, STATUS_CHANGED)
    life.ends()
    life.hears(("Cleanup", "Normal", "Operator"), but=frozenset({*again, SUBMIT}))  # it may fail once more
