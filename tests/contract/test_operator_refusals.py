"""Invalid FlinkDeployments on a real API server: told, nothing made of them, and always deletable."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from syncing import wait_for

from gitsync.apply import definitions
from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

DIRECTORY = Path(__file__).parents[1] / "invalid" / "flinkdeployments"
NAMES = [
    "version-missing",
    "job-manager-memory-unreadable",
    "jar-with-blanks",
    "service-account-missing",
    "template-environment-by-position",
    "name-with-dots",
]


@pytest.fixture
def operator(client: Client, namespace: str) -> Iterator[Operator]:
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    running = Operator(client, clock=SystemClock(), namespaces=(namespace,), rest="proxy", workers=2)
    running.start()
    assert running.wait_synced(20)
    yield running
    assert running.stop(10.0)


class Resources:
    """FlinkDeployments of a namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    def create(self, spec: Object, name: str) -> None:
        body = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        self.client.send(requests.create(requests.FLINK_DEPLOYMENTS, self.namespace, body))

    def get(self, name: str) -> Object | None:
        try:
            return self.client.send(requests.get(requests.FLINK_DEPLOYMENTS, self.namespace, name))
        except errors.NotFound:
            return None

    def events(self, name: str) -> dict[str, str]:
        items = self.client.send(requests.listing(requests.EVENTS, self.namespace))["items"]
        return {event["reason"]: event["message"] for event in items if event["involvedObject"]["name"] == name}


def test_what_never_validated_is_told_and_can_be_deleted(operator: Operator, client: Client, namespace: str) -> None:
    resources = Resources(client, namespace)
    made: dict[str, str] = {}
    for name in NAMES:
        text = (DIRECTORY / f"{name}.yaml").read_text()
        body = yaml.safe_load(text)
        named = f"{name}.x" if "dots" in name else name
        resources.create(body["spec"], named)
        made[named] = text.splitlines()[0].removeprefix("# ")
    resources.create({}, "empty")
    made["empty"] = "spec.flinkVersion is missing"
    for name, message in made.items():
        told = wait_for(f"the word about {name}", lambda name=name: resources.events(name).get("ValidationError"))  # type: ignore[misc]
        if "dots" not in name:
            assert message[:200] in told
    for name in made:
        client.send(requests.delete(requests.FLINK_DEPLOYMENTS, namespace, name))
    for name in made:
        wait_for(f"{name} to be gone", lambda name=name: resources.get(name) is None or None)  # type: ignore[misc]
    assert not client.send(requests.listing(requests.DEPLOYMENTS, namespace))["items"]


def test_what_is_likely_not_meant_is_told_as_a_warning(operator: Operator, client: Client, namespace: str) -> None:
    resources = Resources(client, namespace)
    spec: Object = {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "serviceAccount": "default",
        "flinkConfiguration": {"state.checkpoints.dir": "file:///cp"},
        "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "last-state"},
    }
    resources.create(spec, "app")
    told = wait_for("the advice", lambda: resources.events("app").get("ValidationAdvice"))
    assert "last-state without high availability" in told
    config = client.send(requests.get(requests.CONFIG_MAPS, namespace, "flink-config-app"))
    assert "execution.checkpointing.interval: 5 min" in config["data"]["flink-conf.yaml"]
    assert dig(resources.get("app"), "status", "error") is None
