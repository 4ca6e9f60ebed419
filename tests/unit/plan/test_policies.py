"""Which plans are carried out, and which are only compared."""

from typing import Any

import pytest
from planned import NOW, Object

from gitsync.model.plans import Plan
from gitsync.model.syncapps import parse
from gitsync.plan import policies
from gitsync.plan.policies import CarryOut, OnlyCompare


def app(
    *, automated: Object | None, revision: str | None = None, annotations: Object | None = None, handled: str = ""
) -> Any:
    return parse(
        {
            "metadata": {"name": "root", "namespace": "sys", "annotations": annotations or {}},
            "spec": {
                "source": {"repoURL": "/r"},
                "syncPolicy": {"automated": automated} if automated is not None else {},
            },
            "status": {
                "sync": {"status": "Synced", "revision": revision} if revision else {"status": "Unknown"},
                "handledSyncRequest": handled or None,
            },
        }
    )


PLAN = Plan("r1", (), (), (), ())
HEALING = {"selfHeal": True}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(app(automated={}), CarryOut(None), id="new revision"),
        pytest.param(app(automated={}, revision="r0"), CarryOut(None), id="next revision"),
        pytest.param(app(automated=HEALING, revision="r1"), CarryOut(None), id="heal"),
        pytest.param(app(automated={}, revision="r1"), "self-heal is off", id="drift without self-heal"),
        pytest.param(app(automated=None), "automated sync is off", id="manual"),
        pytest.param(app(automated={"enabled": False}), "automated sync is off", id="switched off"),
        pytest.param(
            app(automated=None, annotations={"gitsync.io/sync-requested": "7"}), CarryOut("7"), id="asked for"
        ),
        pytest.param(
            app(automated=None, annotations={"gitsync.io/sync-requested": "7"}, handled="7"),
            "automated sync is off",
            id="asked for and done",
        ),
        pytest.param(
            app(automated=HEALING, annotations={"gitsync.io/suspend": '{"reason": "move"}'}),
            "suspended: move",
            id="suspended",
        ),
        pytest.param(
            app(automated=HEALING, annotations={"gitsync.io/suspend": '{"until": "2025-12-31T00:00:00Z"}'}),
            CarryOut(None),
            id="suspension over",
        ),
    ],
)
def test_what_is_carried_out(one: Any, expected: CarryOut | str) -> None:
    decided = policies.decide(one, PLAN, NOW)
    if isinstance(expected, str):
        assert isinstance(decided, OnlyCompare) and expected in decided.reason
    else:
        assert decided == expected
