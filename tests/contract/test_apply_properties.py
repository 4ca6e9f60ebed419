"""Whatever a manifest holds, applying it and comparing then finds nothing: made-up objects on a real API server."""

import base64
import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gitsync.apply import definitions
from gitsync.apply.applying import Applied, Applier
from gitsync.apply.stateguarding import StateGuards
from gitsync.model.identities import AppName
from gitsync.model.plans import Unchanged, Update
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import planning, preparing
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.pruning import PrunePolicy
from operator_core.jsonvalues import Object
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.runtime.clock import SystemClock

APP = AppName("sys", "made-up")
POLICY = PrunePolicy(prune=False, allow_empty=False, guards_state=False)
EXAMPLES = 60 if os.environ.get("GITSYNC_HYPOTHESIS") == "full" else 5
_number = itertools.count()

WORD = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
KEY = st.from_regex(r"[a-z][a-z0-9]{0,6}([.-][a-z][a-z0-9]{0,6}){0,2}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
MEMORY = st.sampled_from(["1Gi", "1024Mi", "1073741824", "1.5Gi", "0.5Gi", "2000M"])
CPU = st.sampled_from(["0.1", "100m", "1", "1.0", "1500m", 2])
MAPS = st.dictionaries(KEY, TEXT, max_size=4)


def words(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(WORD, values, max_size=3)


CONFIG = st.builds(lambda data: {"apiVersion": "v1", "kind": "ConfigMap", "data": data}, MAPS)
SECRET = st.builds(
    lambda plain, coded: {
        "apiVersion": "v1",
        "kind": "Secret",
        "stringData": plain,
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in coded.items()},
    },
    MAPS,
    MAPS,
)
PORTS = st.lists(st.integers(1, 9999), unique=True, min_size=1, max_size=3)
SERVICE = st.builds(
    lambda ports, selector: {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"selector": selector, "ports": [{"name": f"p{port}", "port": port} for port in ports]},
    },
    PORTS,
    words(WORD),
)


def _containers(name: str) -> st.SearchStrategy[list[Object]]:
    container = st.fixed_dictionaries(
        {"name": st.just(name), "image": WORD},
        optional={
            "env": words(TEXT).map(lambda found: [{"name": key, "value": text} for key, text in found.items()]),
            "args": st.lists(TEXT, max_size=3),
            "resources": st.fixed_dictionaries({"limits": st.fixed_dictionaries({"cpu": CPU, "memory": MEMORY})}),
            "ports": PORTS.map(lambda ports: [{"containerPort": port} for port in ports]),
        },
    )
    return container.map(lambda one: [one])


DEPLOYMENT = st.builds(
    lambda replicas, containers: {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}},
        },
    },
    st.just(0),
    _containers("main"),
)
FLINK = st.builds(
    lambda conf, cpu, memory, containers, args, labels: {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "flink",
            "flinkConfiguration": conf,
            "podTemplate": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            "jobManager": {"resource": {"cpu": cpu, "memory": memory}},
            "taskManager": {"resource": {"cpu": 1.0, "memory": "1024m"}},
            "job": {"jarURI": "local:///a.jar", "args": args, "parallelism": 2, "upgradeMode": "savepoint"},
        },
    },
    st.dictionaries(KEY, TEXT | st.integers(0, 10**6) | st.booleans(), min_size=1, max_size=5),
    st.sampled_from([0.5, 1, 1.0, 2]),
    st.sampled_from(["1024m", "2g", "2Gi"]),
    _containers("flink-main-container"),
    st.lists(TEXT, max_size=3),
    # Of a map that becomes empty the API server makes a null, which a definition may refuse: its merge, not ours.
    st.dictionaries(WORD, WORD, min_size=1, max_size=3),
)


@pytest.fixture(scope="module")
def kinds(client: Client) -> Discovery:
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    return Discovery(client)


def apply(client: Client, plan: planning.Plan) -> Applied:
    applier = Applier(client, lambda *_: None, StateGuards(client, SystemClock()))
    try:
        return applier.apply(plan, lambda: True)
    finally:
        applier.close()


def check(client: Client, kinds: Discovery, namespace: str, bodies: tuple[Object, Object]) -> None:
    """Apply one manifest, then another under the same name; after each there is nothing left to do."""
    name = f"made-up-{next(_number)}"
    live: Any = {}
    accepted: Any = {}
    for body in bodies:
        whole = {**body, "metadata": {"name": name, "labels": {"number": name}}}
        found = {(body["apiVersion"], body["kind"]): kinds.find(body["apiVersion"], body["kind"])}
        prepared = preparing.prepare((RenderedObject(whole, "a.yaml", 1),), found, APP, preparing.Place(namespace))
        assert not prepared.problems
        plan = planning.plan("r1", prepared, AppFacts(APP, (), POLICY), Cluster(live, {}, {}, accepted))
        if all(isinstance(step, Unchanged) for step in plan.steps):
            assert bodies[0] == bodies[1] or body is not bodies[0]
            continue
        applied = apply(client, plan)
        assert not applied.refused, applied.refused
        live, accepted = dict(applied.answers), dict(applied.accepted)
        (step,) = planning.plan("r1", prepared, AppFacts(APP, (), POLICY), Cluster(live, {}, {}, accepted)).steps
        told = step.differences if isinstance(step, Update) else ()
        assert isinstance(step, Unchanged), told
    # Whatever came before, what Git has now is there: applying it from nothing changes nothing more.
    fresh = planning.plan("r1", prepared, AppFacts(APP, (), POLICY), Cluster({}, {}, {}, {}))
    for identity, answer in apply(client, fresh).answers.items():
        assert _content(answer) == _content(live[identity])


def _content(obj: Object) -> Object:
    """All that only Git and defaults decide."""
    return _without_empty({key: value for key, value in obj.items() if key not in ("metadata", "status")})


def _without_empty(value: Any) -> Any:
    """The API server drops a map when its last field goes, and keeps one that comes empty."""
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    if not isinstance(value, dict):
        return value
    below = {key: _without_empty(one) for key, one in value.items()}
    return {key: one for key, one in below.items() if one not in ({}, [])}


SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SETTINGS
@given(bodies=st.one_of([st.tuples(one, one) for one in (CONFIG, SECRET, SERVICE, DEPLOYMENT)]))
def test_built_in_kinds(client: Client, kinds: Discovery, namespace: str, bodies: tuple[Object, Object]) -> None:
    check(client, kinds, namespace, bodies)


@SETTINGS
@given(bodies=st.tuples(FLINK, FLINK))
def test_flink_deployments(client: Client, kinds: Discovery, namespace: str, bodies: tuple[Object, Object]) -> None:
    check(client, kinds, namespace, bodies)
