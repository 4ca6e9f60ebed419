"""A job's resource, and what events tell about its life: every step and trouble, and nothing besides.

Resources are changed at the API server, as another tool than Git would. What is told is compared as reason, type and
component, the columns of docs/events.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

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

    def asks(self, request: str, value: str) -> None:
        """Annotate the resource."""
        patch: Object = {"metadata": {"annotations": {f"gitsync.io/{request}": value}}}
        self.team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, self.team.jobs, self.name, patch))

    def blocked(self, reason: str) -> str:
        """Wait for a dead end; what is told of it."""

        def told() -> str | None:
            found: list[Object] = dig(self.team.deployment(self.name), "status", "conditions", default=[])
            ends = {each["reason"]: str(each["message"]) for each in found if each["type"] == "UpgradeBlocked"}
            return ends.get(reason)

        return self.team.until(told, f"{self.name} blocked: {reason}")

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


@contextmanager
def operated(team: Team) -> Iterator[None]:
    """The operator half alone runs, and jobs have the access that they need."""
    for body in yaml.safe_load_all(team.access_file()):
        group, _, version = body["apiVersion"].rpartition("/")
        kind = requests.Resource(group, version, f"{body['kind'].lower()}s", body["kind"])
        team.client.send(requests.create(kind, team.jobs, body))
    with team.agent(GITSYNC_ROLE="operator"):
        yield


def born(team: Team, name: str, change: Callable[[Object], None]) -> Life:
    """Create a job's resource."""
    body = yaml.safe_load(team.job_file(name, change))
    team.client.send(requests.create(requests.FLINK_DEPLOYMENTS, team.jobs, body))
    return Life(team, name)


def begin(team: Team, name: str, change: Callable[[Object], None]) -> Life:
    """Create a job, and hear what is told until it runs."""
    life = born(team, name, change)
    team.running(name)
    life.hears(SUBMIT, STATUS_CHANGED)
    return life


def configured(manifest: Object, conf: dict[str, str]) -> None:
    """Add to a job's configuration of Flink."""
    manifest["spec"]["flinkConfiguration"] |= conf
