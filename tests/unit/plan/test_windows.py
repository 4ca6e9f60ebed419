"""Sync windows: which one is open, which is in the way, and what passes it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gitsync.model.projects import SyncWindow
from gitsync.plan import windows
from gitsync.plan.windows import App

APP = App("orders", "shop")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday


def window(kind: str = "deny", schedule: str = "0 11 * * *", duration: str = "2h", **more: Any) -> SyncWindow:
    return SyncWindow.model_validate(
        {"kind": kind, "schedule": schedule, "duration": duration, "applications": ["*"], **more}
    )


@pytest.mark.parametrize(
    ("given", "is_blocked"),
    [
        ((), False),
        ((window("deny"),), True),
        ((window("deny", "0 9 * * *"),), False),
        ((window("allow"),), False),
        ((window("allow", "0 9 * * *"),), True),
        ((window("allow"), window("deny")), True),
        ((window("allow", "0 9 * * *"), window("allow")), False),
        ((window("deny", applications=["other"]),), False),
        ((window("allow", "0 9 * * *", applications=["other"]),), False),
    ],
)
def test_an_open_deny_or_no_open_allow_blocks(given: tuple[SyncWindow, ...], is_blocked: bool) -> None:
    assert (windows.blocked(given, APP, NOON) is not None) is is_blocked


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"applications": ["ord*"]}, True),
        ({"applications": [], "namespaces": ["shop"]}, True),
        ({"applications": [], "clusters": ["in-cluster"]}, True),
        ({"applications": ["x"], "namespaces": ["shop"]}, True),
        ({"applications": ["x"], "namespaces": ["shop"], "andOperator": True}, False),
        ({"applications": ["orders"], "namespaces": ["shop"], "andOperator": True}, True),
        ({"applications": []}, False),
    ],
)
def test_a_window_is_about_apps_by_glob(more: dict[str, Any], expected: bool) -> None:
    assert windows.matches(window(**more), APP) is expected


def test_the_reason_says_until_when_and_why() -> None:
    found = windows.blocked((window(description="closing of the books"),), APP, NOON)
    assert found is not None
    assert found.reason == "a sync window denies it until 2026-03-02T13:00Z (closing of the books)"
    assert found.until == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
    closed = windows.blocked((window("allow", "0 18 * * *"),), APP, NOON)
    assert closed is not None and "the next one opens at 2026-03-02T18:00Z" in closed.reason
    assert closed.until == datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


def test_a_request_passes_where_every_window_lets_it() -> None:
    free, strict = window(manualSync=True), window()
    assert windows.blocked((free,), APP, NOON, requested=True) is None
    assert windows.blocked((free,), APP, NOON) is not None
    assert windows.blocked((free, strict), APP, NOON, requested=True) is not None
    closed = window("allow", "0 18 * * *", manualSync=True)
    assert windows.blocked((closed,), APP, NOON, requested=True) is None


def test_a_sync_that_began_before_the_window_goes_on_where_it_may() -> None:
    before, inside = datetime(2026, 3, 2, 10, 59, tzinfo=UTC), datetime(2026, 3, 2, 11, 30, tzinfo=UTC)
    assert windows.blocked((window(syncOverrun=True),), APP, NOON, begun=before) is None
    assert windows.blocked((window(syncOverrun=True),), APP, NOON, begun=inside) is not None
    assert windows.blocked((window(),), APP, NOON, begun=before) is not None


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 2, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 3, 1, tzinfo=UTC), False),
    ],
)
def test_a_window_keeps_its_length_when_the_clocks_change(moment: datetime, is_open: bool) -> None:
    # 3:00 in Berlin is 1:00 UTC on the day on which 2:00 becomes 3:00.
    given = window(schedule="0 3 * * *", duration="2h", timeZone="Europe/Berlin")
    assert (windows.blocked((given,), APP, moment) is not None) is is_open


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"schedule": "every day"}, "the schedule 'every day' is no cron expression"),
        ({"duration": "long"}, "'long' is no duration"),
        ({"timeZone": "Mars/Olympus"}, "the time zone 'Mars/Olympus' is not known"),
    ],
)
def test_a_window_that_cannot_be_read_blocks_and_says_so(more: dict[str, Any], problem: str) -> None:
    found = windows.blocked((window(**more),), APP, NOON)
    assert found is not None and problem in found.reason
