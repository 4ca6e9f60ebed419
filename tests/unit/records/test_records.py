"""Records: one line each, nothing secret, and a merge all writers agree on."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.model import records
from gitsync.model.records import JobRecord, Phase, Record

SHA = "0123456789abcdef0123456789abcdef01234567"
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def record(app: str = "orders", phase: Phase = Phase.RUNNING, second: int = 0, message: str = "") -> Record:
    job = JobRecord("FlinkDeployment", "default", app, "upgrade-savepoint", "a1", "file:/sp/0", "file:/sp/1")
    return Record("demo", app, SHA, phase, "Running", message, START + timedelta(seconds=second), (job,))


def test_a_line_has_exactly_the_keys_programs_rely_on() -> None:
    line = record(message="ready").to_line()
    assert line == (
        '{"v":1,"cluster":"demo","app":"orders","revision":"0123456789abcdef0123456789abcdef01234567",'
        '"phase":"running","reason":"Running","message":"ready","time":"2026-11-21T09:00:00.000Z",'
        '"jobs":[{"kind":"FlinkDeployment","namespace":"default","name":"orders","effect":"upgrade-savepoint",'
        '"jobId":"a1","restoredFrom":"file:/sp/0","savepoint":"file:/sp/1"}]}'
    )
    assert records.parse_lines(line) == (record(message="ready"),)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("cannot read https://bob:hunter2@example.org/a.git", "cannot read https://example.org/a.git"),
        ("https://ghp_token@example.org/a", "https://example.org/a"),
        ("s3.secret-key: abc, other: x", "s3.secret-key: ***, other: x"),
        ("password=hunter2 and more", "password=*** and more"),
        ('"s3.access-key": "AKIA 1"', '"s3.access-key": ***'),
        ("API_TOKEN = 'x y' failed", "API_TOKEN = *** failed"),
        ("line one\nline two", "line one\nline two"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_messages_hold_no_secret_and_stay_one_line(message: str, shown: str) -> None:
    line = record(message=message).to_line()
    assert "\n" not in line
    assert json.loads(line)["message"] == shown


def test_merge_keeps_the_newest_per_cluster_app_and_phase() -> None:
    one = record(second=1).to_line()
    newer = record(second=3, message="again").to_line()
    stable = record(phase=Phase.STABLE, second=2).to_line()
    other = record(app="fraud", second=0).to_line()
    merged = records.merge(f"{one}\n{stable}\n", f"{newer}\n{other}\n")
    assert merged.splitlines() == [other, stable, newer]


def test_merge_keeps_what_is_not_ours_to_judge() -> None:
    future = '{"v":2,"cluster":"demo","app":"orders","phase":"paused","time":"2027-01-01T00:00:00Z","new":1}'
    merged = records.merge("a person's words\n", f"{future}\n{record().to_line()}\n", "a person's words\n{broken\n")
    assert merged.splitlines() == [record().to_line(), future, "a person's words", "{broken"]
    assert records.parse_lines(merged) == (record(),)


lines = st.builds(
    lambda app, phase, second, message: record(app, phase, second, message).to_line(),
    st.sampled_from(["a", "b"]),
    st.sampled_from(list(Phase)),
    st.integers(0, 3),
    st.sampled_from(["", "x"]),
)


@given(st.lists(st.lists(lines | st.sampled_from(["words", "{"]), max_size=5), min_size=2, max_size=3))
def test_all_writers_come_to_the_same_records_in_any_order(notes: list[list[str]]) -> None:
    texts = ["".join(f"{line}\n" for line in note) for note in notes]
    results = {frozenset(records.merge(*order).splitlines()) for order in itertools.permutations(texts)}
    assert len(results) == 1
    once = records.merge(*texts)
    assert records.merge(once, once) == once
    assert frozenset(records.merge(records.merge(*texts[:-1]), texts[-1]).splitlines()) in results


def test_what_is_told_is_not_news() -> None:
    text = records.added("", [record()])
    assert records.added(text, [record(second=9)]) == text
    assert records.added(text, [record(second=9, message="new")]) != text
    late = record(second=-9, message="older than what is there")
    assert records.added(text, [late]) == text
    assert records.added("no record\n", []) == "no record\n"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "words",
        "[]",
        '{"v":1}',
        '{"v":"1","cluster":"c","app":"a","revision":"r","phase":"running","time":"2026-11-21T09:00:00Z"}',
        '{"v":1,"cluster":"c","app":"a","revision":"r","phase":"paused","time":"2026-11-21T09:00:00Z"}',
        '{"v":1,"cluster":"c","app":"a","revision":"r","phase":"running","time":"yesterday"}',
        '{"v":1,"cluster":"c","app":"a","revision":"r","phase":"running","time":"2026-11-21T09:00:00Z","jobs":3}',
        "[" * 5000,
    ],
)
def test_lines_that_are_no_records_are_skipped(line: str) -> None:
    assert records.parse_lines(f"{line}\n{record().to_line()}\n") == (record(),)


def test_phases_of_one_time_stand_in_the_order_they_come() -> None:
    text = ""
    for phase in (Phase.SUPERSEDED, Phase.STABLE, Phase.PENDING, Phase.RUNNING, Phase.APPLIED):
        text = records.merge(text, record(phase=phase).to_line())
    assert [one.phase.value for one in records.parse_lines(text)] == [
        "pending",
        "applied",
        "running",
        "stable",
        "superseded",
    ]


def test_a_phase_that_was_left_and_came_again_is_news() -> None:
    text = records.added("", [record(second=1), record(phase=Phase.FAILED, second=2)])
    again = records.added(text, [record(second=3)])
    assert [one.phase for one in records.parse_lines(again)] == [Phase.FAILED, Phase.RUNNING]
    assert records.added(again, [record(second=4)]) == again


@pytest.mark.parametrize(
    ("first", "then", "minutes", "told"),
    [
        pytest.param("", "file:/sp/1", 1, True, id="the first savepoint"),
        pytest.param("file:/sp/1", "file:/sp/2", 59, False, id="another one within the hour"),
        pytest.param("file:/sp/1", "file:/sp/2", 61, True, id="another one after the hour"),
    ],
)
def test_scheduled_savepoints_are_told_once_an_hour(first: str, then: str, minutes: int, told: bool) -> None:
    """A schedule must not become a push every few seconds; what somebody asked for is told at once."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def at(minute: int, location: str, *, scheduled: bool) -> records.Record:
        job = records.JobRecord("FlinkDeployment", "n", "app", "none", "id", "", location, scheduled)
        time = start + timedelta(minutes=minute)
        return records.Record("c", "app", "a" * 40, records.Phase.STABLE, "Stable", "", time, (job,))

    before = at(0, first, scheduled=bool(first))
    assert records.is_news(at(minutes, then, scheduled=True), [before]) == told
    assert records.is_news(at(minutes, then, scheduled=False), [before])
    assert "scheduled" not in before.to_line()
