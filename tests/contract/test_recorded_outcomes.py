"""What comes of resources on a real API server is what the Java operator makes of them.

A line of tests/golden/outcomes.jsonl holds what is created, what came of it there (names of objects, states, events),
and, where ours differs on purpose, what comes of it here and why (docs/differences.md). No pod ever runs.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from syncing import wait_for

from gitsync.apply import definitions
from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.runtime.clock import SystemClock

LINES = (Path(__file__).parents[1] / "golden" / "outcomes.jsonl").read_text().splitlines()
CASES: dict[str, Object] = {row["case"]: row for row in map(json.loads, LINES)}
SECONDS = 90.0
KINDS = (
    requests.CONFIG_MAPS,
    requests.SERVICES,
    requests.DEPLOYMENTS,
    requests.Resource("networking.k8s.io", "v1", "ingresses", "Ingress"),
    requests.FLINK_DEPLOYMENTS,
    requests.FLINK_SESSION_JOBS,
    requests.FLINK_STATE_SNAPSHOTS,
)
STATES = {
    "lifecycleState": ("lifecycleState",),
    "jobManager": ("jobManagerDeploymentStatus",),
    "reconciliation": ("reconciliationStatus", "state"),
    "job": ("jobStatus", "state"),
    "observedGeneration": ("observedGeneration",),
    "state": ("state",),
}


CORE = [case for case in CASES if not case.startswith("m-")]
"""The others are refusals, whose rules have tests of their own."""


def _marked(case: str) -> object:
    return case if case in CORE else pytest.param(case, marks=pytest.mark.full)


def namespace_of(case: str) -> str:
    return f"recorded-{case}"


@pytest.fixture(scope="module")
def everything(client: Client, request: pytest.FixtureRequest) -> Iterator[None]:
    """All resources of the cases that are asked for, each in a namespace of its own, and one operator for them."""
    ours = (item for item in request.session.items if getattr(item, "module", None) is request.module)
    asked = {item.callspec.params.get("case") for item in ours if hasattr(item, "callspec")}
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    discovery = Discovery(client)
    for case, row in CASES.items():
        if case not in asked:
            continue
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace_of(case)}}))
        account = {"metadata": {"name": "flink"}}
        client.send(requests.create(requests.SERVICE_ACCOUNTS, namespace_of(case), account))
        for body in row["create"]:
            resource = discovery.find(body["apiVersion"], body["kind"])
            assert resource is not None
            client.send(requests.create(resource, namespace_of(case) if resource.namespaced else None, body))
    operator = Operator(client, clock=SystemClock(), rest="proxy", workers=4)
    operator.start()
    assert operator.wait_synced(30)
    yield
    assert operator.stop(20.0)


def outcome(client: Client, namespace: str) -> Object:
    """What there is now, in the form of the record."""
    found = {kind.kind: client.send(requests.listing(kind, namespace))["items"] for kind in KINDS}
    names = [f"{kind}/{obj['metadata']['name']}" for kind, items in found.items() for obj in items]
    flink = [(kind, obj) for kind, items in found.items() if kind.startswith("Flink") for obj in items]
    events = client.send(requests.listing(requests.EVENTS, namespace))["items"]
    return {
        "objects": sorted(name for name in names if name != "ConfigMap/kube-root-ca.crt"),
        "resources": {f"{kind}/{obj['metadata']['name']}": _states(obj.get("status") or {}) for kind, obj in flink},
        "events": sorted({_event(one) for one in events if one["involvedObject"]["kind"].startswith("Flink")}),
    }


def _states(status: Object) -> Object:
    found = {name: dig(status, *path) for name, path in STATES.items()}
    found["hasError"] = True if status.get("error") else None
    return {name: value for name, value in found.items() if value is not None}


def _event(event: Object) -> str:
    about = event["involvedObject"]
    return f"{about['kind']}/{about['name']} {event['type']} {event['reason']} {event['source']['component']}"


def created_by_us(row: Object) -> set[str]:
    return {f"{body['kind']}/{body['metadata']['name']}" for body in row["create"]}


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_the_same_comes_of_it(everything: None, client: Client, case: str) -> None:
    row = CASES[case]
    expected = row.get("ours", row["java"])
    last: list[Object] = []

    def same() -> bool:
        last[:] = [outcome(client, namespace_of(case))]
        return bool(_comparable(last[0], row) == _comparable(expected, row))

    try:
        wait_for("the recorded outcome", same, seconds=SECONDS)
    except AssertionError:
        assert _comparable(last[0], row) == _comparable(expected, row)


def _comparable(found: Object, row: Object) -> Object:
    """Without objects of kinds that are not looked at, and what the case itself created of them."""
    kinds = {kind.kind for kind in KINDS}
    made = created_by_us(row)
    objects = [name for name in found["objects"] if name.partition("/")[0] in kinds and name not in made]
    return {**found, "objects": objects}


@pytest.mark.parametrize("case", [case for case, row in CASES.items() if "ours" in row])
def test_a_difference_is_one_and_has_a_reason(case: str) -> None:
    row = CASES[case]
    assert row["ours"] != row["java"]
    assert row["why"]
