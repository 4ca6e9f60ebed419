"""Applying and then comparing is empty, for every kind a team keeps beside its jobs, in the forms people write them."""

from pathlib import Path

import pytest
import yaml

from gitsync.apply import definitions
from gitsync.apply.applying import Applier
from gitsync.apply.stateguarding import StateGuards
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import diffing, planning, preparing
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.pruning import PrunePolicy
from operator_core.jsonvalues import Object
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.runtime.clock import SystemClock

ZOO = list(yaml.safe_load_all((Path(__file__).parent / "zoo.yaml").read_text()))
DEFAULTED_BY_VALUE = ("limits",)
"""Kinds in which one of our values becomes the default of another field: known only from the answer to an apply."""
POLICY = PrunePolicy(prune=False, allow_empty=False, guards_state=False)


@pytest.fixture(scope="module")
def kinds(client: Client) -> Discovery:
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    return Discovery(client)


@pytest.mark.parametrize("body", ZOO, ids=lambda body: body["metadata"]["name"])
def test_apply_then_compare_is_empty(client: Client, kinds: Discovery, namespace: str, body: Object) -> None:
    found = {(body["apiVersion"], body["kind"]): kinds.find(body["apiVersion"], body["kind"])}
    rendered = (RenderedObject(body, "zoo.yaml", 1),)
    prepared = preparing.prepare(rendered, found, AppName("sys", "zoo"), preparing.Place(namespace))
    assert not prepared.problems
    facts = AppFacts(AppName("sys", "zoo"), (), POLICY)
    plan = planning.plan("r1", prepared, facts, Cluster({}, {}, {}, {}))
    applier = Applier(client, lambda *_: None, StateGuards(client, SystemClock()))
    try:
        applied = applier.apply(plan, lambda: True)
    finally:
        applier.close()
    assert not applied.refused, applied.refused
    one = prepared.desired[0]
    answer = applied.answers[one.identity]
    if body["metadata"]["name"] not in DEFAULTED_BY_VALUE:
        assert [difference.shown for difference in diffing.compare(one.body, answer)] == []
    known = applied.accepted[one.identity].paths(one.digest, answer)
    assert diffing.compare(one.body, answer, ignored=known) == ()
