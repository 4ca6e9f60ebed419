"""Which plans are carried out, and which are only compared."""

from typing import Any

import pytest
from planned import NOW, Object

from gitsync.model.plans import Plan
from gitsync.model.syncapps import parse
from gitsync.plan import policies
from gitsync.plan.policies import CarryOut, OnlyCompare


def app(
    *,
    automated: Object | None,
    revision: str | None = None,
    annotations: Object | None = None,
    handled: str = "",
    operation: Object | None = None,
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
                "operation": operation,
            },
        }
    )


def operation(phase: str, *, request: str | None = "7", revision: str = "r1", retry_at: str | None = None) -> Object:
    return {"revision": revision, "mark": "1", "request": request, "phase": phase, "retryAt": retry_at}


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
        pytest.param(app(automated=None, operation=operation("Running")), CarryOut(None), id="asked for and begun"),
        pytest.param(app(automated=None, operation=operation("Failing")), CarryOut(None), id="asked for and failing"),
        pytest.param(
            app(automated=None, operation=operation("Failed", retry_at="2026-01-01T00:00:00Z")),
            CarryOut(None),
            id="asked for and tried again",
        ),
        pytest.param(app(automated=None, operation=operation("Failed")), "automated sync is off", id="given up"),
        pytest.param(app(automated=None, operation=operation("Succeeded")), "automated sync is off", id="succeeded"),
        pytest.param(
            app(automated=None, operation=operation("Running", revision="r0")),
            "automated sync is off",
            id="asked for an older revision",
        ),
        pytest.param(
            app(automated=None, operation=operation("Running", request=None)),
            "automated sync is off",
            id="begun before automation was switched off",
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


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (app(automated=None, annotations={"gitsync.io/sync-requested": "7 prune"}), True),
        (app(automated=None, annotations={"gitsync.io/sync-requested": "7"}), False),
        (app(automated=None, annotations={"gitsync.io/sync-requested": "7 prune"}, handled="7 prune"), False),
        (app(automated=None, operation=operation("Running", request="7 prune only=Job/a")), True),
        (app(automated=None, operation=operation("Running", request="7 prune", revision="r0")), False),
        (app(automated=None, operation=operation("Succeeded", request="7 prune")), False),
        (
            app(
                automated=None,
                annotations={"gitsync.io/sync-requested": "8"},
                operation=operation("Running", request="7 prune"),
            ),
            False,
        ),
    ],
)
def test_what_somebody_asked_for_is_deleted_until_that_sync_is_done(one: Any, expected: bool) -> None:
    assert policies.prunes_on_request(one, "r1", None) is expected
    assert policies.prune_policy(one, "r1", guards_state=True, asked=expected).prune is expected
