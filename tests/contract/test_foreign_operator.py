"""The Java operator's jobs on a real API server: left alone while it lives, taken over untouched, handed back whole.

Its signs of life are written here as it writes them; the statuses are recorded ones.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from syncing import wait_for

from gitsync.apply import definitions
from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

STATUSES = Path(__file__).parents[1] / "golden" / "statuses"
JAVA = "fabric8-kubernetes-client"


class LaterClock(SystemClock):
    """The present, as far ahead as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Recorded:
    """A resource the Java operator deployed, with its status and JobManager Deployment, in a namespace."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self.client, self.namespace = client, namespace
        fixture = json.loads((STATUSES / f"{name}.json").read_text())
        meta: Object = {"name": "app", "namespace": namespace}
        spec = fixture["resource"]["spec"]
        body = {
            **fixture["resource"],
            "metadata": {**meta, "finalizers": fixture["resource"]["metadata"]["finalizers"]},
        }
        body.pop("status")
        self.status = fixture["resource"]["status"]
        made = client.send(requests.create(requests.FLINK_DEPLOYMENTS, namespace, body, field_manager="git"))
        assert made["spec"] == spec
        self.status["observedGeneration"] = 1
        deployment = fixture["deployment"]
        owner = {**deployment["metadata"]["ownerReferences"][0], "uid": made["metadata"]["uid"], "name": "app"}
        deployment["metadata"] = {**deployment["metadata"], "namespace": namespace, "ownerReferences": [owner]}
        annotations = deployment["metadata"].setdefault("annotations", {})
        annotations["flinkdeployment.flink.apache.org/generation"] = "1"
        self.deployment = client.send(requests.create(requests.DEPLOYMENTS, namespace, deployment, field_manager=JAVA))
        self.write_status()

    def write_status(self) -> None:
        """As the Java operator does: the whole of it."""
        whole = {**self.live(), "status": self.status}
        request = requests.replace(requests.FLINK_DEPLOYMENTS, whole, subresource="status", field_manager=JAVA)
        self.client.send(request)

    def live(self) -> Object:
        return self.client.send(requests.get(requests.FLINK_DEPLOYMENTS, self.namespace, "app"))

    def live_deployment(self) -> Object:
        return self.client.send(requests.get(requests.DEPLOYMENTS, self.namespace, "app"))

    def condition(self, kind: str) -> Object | None:
        conditions = dig(self.live(), "status", "conditions", default=[])
        return next((one for one in conditions if one["type"] == kind), None)

    def events(self) -> set[str]:
        return {
            event["reason"] for event in self.client.send(requests.listing(requests.EVENTS, self.namespace))["items"]
        }

    def is_untouched(self) -> bool:
        """Same Deployment, same generation of it, same records, same job."""
        now, status = self.live_deployment(), self.live()["status"]
        same = (now["metadata"]["uid"], now["metadata"]["generation"], now["spec"]) == (
            self.deployment["metadata"]["uid"],
            self.deployment["metadata"]["generation"],
            self.deployment["spec"],
        )
        records = (
            ("reconciliationStatus", "lastReconciledSpec"),
            ("jobStatus", "jobId"),
            ("reconciliationStatus", "state"),
        )
        return same and all(dig(status, *path) == dig(self.status, *path) for path in records)


@contextmanager
def running(client: Client, namespace: str, clock: LaterClock) -> Iterator[Operator]:
    operator = Operator(client, clock=clock, namespaces=(namespace,), rest="proxy", workers=2)
    operator.start()
    assert operator.wait_synced(20)
    try:
        yield operator
    finally:
        assert operator.stop(10.0)


@pytest.fixture(autouse=True)
def kinds(client: Client) -> None:
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)


@pytest.mark.parametrize("name", ["savepoint-upgraded", "last-state-upgraded", "stateless-upgraded"])
def test_left_alone_then_taken_over(client: Client, namespace: str, name: str) -> None:
    job, clock = Recorded(client, namespace, name), LaterClock()
    with running(client, namespace, clock) as operator:
        told = wait_for("the condition", lambda: job.condition("ForeignOperator"))
        assert told["status"] == "True"
        assert "it wrote the status" in told["message"]
        assert "ForeignOperator" in job.events()
        assert job.condition("Ready") is None
        clock.ahead = timedelta(seconds=61)
        operator.enqueue(namespace, "app")
        wait_for("our own conditions", lambda: job.condition("Ready"))
        assert job.condition("ForeignOperator") is None
        clock.ahead = timedelta(0)
        job.write_status()
        wait_for("it to be left alone again", lambda: job.condition("ForeignOperator"))
        clock.ahead = timedelta(seconds=200)
        operator.enqueue(namespace, "app")
        wait_for("our own conditions again", lambda: job.condition("Ready"))
    assert job.is_untouched()
    assert not {"Submit", "Suspended", "SpecChanged", "Cleanup"} & job.events()
    snapshots = client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, namespace))["items"]
    assert not snapshots


def test_a_deployment_of_the_java_operator_forbids_its_namespaces_only(client: Client, namespace: str) -> None:
    theirs = {"app.kubernetes.io/name": "flink-kubernetes-operator"}
    operator_deployment: Object = {
        "metadata": {"name": "flink-kubernetes-operator", "namespace": "default", "labels": theirs},
        "spec": {
            "selector": {"matchLabels": theirs},
            "template": {
                "metadata": {"labels": theirs},
                "spec": {
                    "containers": [
                        {
                            "name": "operator",
                            "image": "operator",
                            "env": [{"name": "WATCH_NAMESPACES", "value": f"elsewhere,{namespace}"}],
                        }
                    ]
                },
            },
        },
    }
    client.send(requests.create(requests.DEPLOYMENTS, "default", operator_deployment))
    clock = LaterClock()
    try:
        job = Recorded(client, namespace, "savepoint-first")
        clock.ahead = timedelta(seconds=61)
        with running(client, namespace, clock):
            told = wait_for("the condition", lambda: job.condition("ForeignOperator"))
            assert "Deployment default/flink-kubernetes-operator is running" in told["message"]
            env = {"name": "WATCH_NAMESPACES", "value": "elsewhere"}
            containers = [{"name": "operator", "image": "operator", "env": [env]}]
            patch: Object = {"spec": {"template": {"spec": {"containers": containers}}}}
            client.send(requests.merge_patch(requests.DEPLOYMENTS, "default", "flink-kubernetes-operator", patch))
            wait_for("the take-over", lambda: job.condition("Ready"), seconds=40)
            assert job.condition("ForeignOperator") is None
        assert job.is_untouched()
    finally:
        client.send(requests.delete(requests.DEPLOYMENTS, "default", "flink-kubernetes-operator"))
