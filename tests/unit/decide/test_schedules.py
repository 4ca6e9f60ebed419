"""When periodic snapshots are due: no drift, no catching up in a burst, zones, refusals."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core.decide import schedules
from operator_core.errors import Stalled

SAVEPOINT = "kubernetes.operator.periodic.savepoint.interval"
CHECKPOINT = "kubernetes.operator.periodic.checkpoint.interval"
ZONE = "kubernetes.operator.periodic.time-zone"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("conf", "last", "due"),
    [
        ({SAVEPOINT: "20 s"}, "2026-01-01T00:00:00", "2026-01-01T00:00:20"),
        ({SAVEPOINT: "PT1H"}, "2026-01-01T00:00:00", "2026-01-01T01:00:00"),
        ({SAVEPOINT: "0 0 3 * * ?"}, "2026-01-01T04:00:00", "2026-01-02T03:00:00"),
        ({SAVEPOINT: "0 0 3 * * ?", ZONE: "Europe/Berlin"}, "2026-01-01T01:59:59", "2026-01-01T02:00:00"),
        ({SAVEPOINT: "0 0 3 * * ?", ZONE: "Europe/Berlin"}, "2026-07-01T00:00:00", "2026-07-01T01:00:00"),
        ({SAVEPOINT: "0 s"}, "2026-01-01T00:00:00", None),
        ({CHECKPOINT: "20 s"}, "2026-01-01T00:00:00", None),
        ({}, "2026-01-01T00:00:00", None),
    ],
)
def test_due_times(conf: dict[str, str], last: str, due: str | None) -> None:
    schedule = schedules.read(conf, "savepoint")
    assert (None if schedule is None else schedules.next_due(schedule, ms(last))) == (None if due is None else ms(due))


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({SAVEPOINT: "whenever"}, SAVEPOINT),
        ({CHECKPOINT: "0 0 3 * *"}, CHECKPOINT),
        ({SAVEPOINT: "0 0 3 * * ?", ZONE: "Nowhere/At_All"}, ZONE),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_and_none_where_another_operator_took_it(conf, named) -> None:
    kind = "checkpoint" if CHECKPOINT in conf else "savepoint"
    with pytest.raises(Stalled, match=named.replace(".", r"\.")):
        schedules.read(conf, kind)
    assert schedules.of(conf, kind) is None


@given(st.integers(1, 10**7), st.integers(0, 10**12), st.integers(0, 10**10))
def test_an_interval_stays_on_its_grid_whatever_was_missed(step: int, last: int, late: int) -> None:
    """The recorded time is on the grid, has passed, and the next one has not."""
    schedule = schedules.Every(step)
    due = schedules.next_due(schedule, last)
    assert due is not None
    now = due + late
    recorded = schedules.newest_due(schedule, due, now)
    assert recorded <= now and (recorded - last) % step == 0
    following = schedules.next_due(schedule, recorded)
    assert following is not None and following > now
