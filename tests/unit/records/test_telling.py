"""Which records are due: each commit's story once, and an end for every commit."""

from datetime import UTC, datetime, timedelta

import pytest

from gitsync.model import telling
from gitsync.model.records import TERMINAL, Phase, Record

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ALL = frozenset(Phase)


def record(phase: Phase, sha: str = "a", second: int = 0, message: str = "") -> Record:
    return Record("demo", "orders", sha * 40, phase, phase.name, message, START + timedelta(seconds=second))


def story(*steps: Record, phases: frozenset[Phase] = ALL) -> list[str]:
    """What goes to Git when passes end with these records, as `<commit> <phase>`."""
    told: Record | None = None
    pushed: list[str] = []
    for step in steps:
        due = telling.due(step, told, phases)
        told = due.told
        pushed += [f"{one.revision[0]} {one.phase}" for one in due.records]
    return pushed


P, A, R, S, F = Phase.PENDING, Phase.APPLIED, Phase.RUNNING, Phase.STABLE, Phase.FAILED


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("aP aA aR aS", "aP aA aR aS"),
        ("aP aP aA aA", "aP aA"),
        ("aR aA aR", "aR"),
        ("aS aR aP aA aS", "aS"),
        ("aS aF aR aS", "aS aF aR aS"),
        ("aP aF aF", "aP aF"),
        ("aF aA aR", "aF aR"),
        ("aA aP aA aR", "aA aR"),
        ("aP bP bR", "aP a- bP bR"),
        ("aA bS", "aA a- bS"),
        ("aR bR", "aR bR"),
        ("aF bA", "aF bA"),
        ("aA bA cS", "aA a- bA b- cS"),
    ],
)
def test_a_commit_s_story_is_told_once(steps: str, expected: str) -> None:
    letters = {"P": P, "A": A, "R": R, "S": S, "F": F}
    told = story(*(record(letters[step[1]], step[0], number) for number, step in enumerate(steps.split())))
    names = {**{phase.value: letter for letter, phase in letters.items()}, "superseded": "-"}
    assert [f"{line[0]}{names[line[2:]]}" for line in told] == expected.split()


def test_the_policy_chooses_but_overtaken_commits_are_always_known() -> None:
    steps = [record(P, "a"), record(A, "a", 1), record(P, "b", 2), record(R, "b", 3)]
    assert story(*steps, phases=TERMINAL) == ["a superseded", "b running"]
    assert story(*steps, phases=frozenset({R})) == ["b running"]


def test_news_in_one_phase_are_told() -> None:
    due = telling.due(record(F, message="image unknown", second=9), record(F, message="file x:3"), ALL)
    assert [one.message for one in due.records] == ["image unknown"]
    assert telling.due(record(F, second=9), record(F), ALL) == telling.Due((), record(F))


def test_an_overtaken_commit_names_the_newer_one() -> None:
    due = telling.due(record(R, "b", 5), record(A, "a"), ALL)
    assert due.records[0].message == "commit bbbbbbb came before this one was done"
    assert due.records[0].time == due.records[1].time
    assert due.told.revision == "b" * 40


def resumed(told: Record | None, *steps: Record) -> list[str]:
    due = telling.resumed(steps, told)
    return [f"{one.revision[0]} {one.phase}" for one in due.records] if due is not None else []


def test_a_writer_that_just_started_continues_from_what_git_has() -> None:
    assert resumed(record(A, "a"), record(A, "b", 5), record(R, "b", 6)) == ["a superseded", "b applied", "b running"]
    assert resumed(record(S, "a"), record(A, "a", 5), record(R, "a", 6)) == []
    assert resumed(record(R, "a"), record(A, "a", 5), record(S, "a", 6)) == ["a stable"]
    assert resumed(None, record(A, "a", 5), record(R, "a", 6)) == ["a applied", "a running"]
    assert resumed(record(R, "a"), record(F, "b", 5)) == ["b failed"]
    assert resumed(record(A, "a")) == []


def test_an_end_that_is_told_already_is_not_told_twice() -> None:
    end = telling.due(record(A, "b", 5), record(A, "a")).records
    assert resumed(record(A, "a"), *end) == ["a superseded", "b applied"]


def test_going_back_to_an_earlier_commit_is_a_new_story() -> None:
    assert resumed(record(S, "b"), record(A, "a", 5), record(S, "a", 6)) == ["a applied", "a stable"]


def test_commits_that_nobody_looked_at_end_before_the_one_that_came_first() -> None:
    due = telling.resumed(
        [record(A, "d", 5)], record(S, "a"), lambda old, new: (old[0].replace("a", "b") * 40, "c" * 40)
    )
    assert due is not None
    assert [f"{one.revision[0]} {one.phase}" for one in due.records] == ["b superseded", "c superseded", "d applied"]
    assert due.records[0].message == "commit ddddddd came before this one was looked at"
