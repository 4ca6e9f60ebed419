"""Exceptions of a job as events: which, how many, how long, and none twice."""

import pytest
from situations import NOW_MS, facts, reasons, running_job, spec, status, step

from operator_core.decide import exceptions
from operator_core.decide.decisions import Look
from operator_core.decide.flinkfacts import Flink, JobException, Unreachable
from operator_core.decide.needs import Need

TRACE = "\n".join(["java.lang.RuntimeException: boom", *(f"\tat a.B.c{i}(B.java:{i})" for i in range(9))])


def _told(info: dict[str, str], history: tuple[JobException, ...], **conf: str):
    prefixed = {f"kubernetes.operator.events.exceptions.{key.replace('_', '-')}": value for key, value in conf.items()}
    given = facts(spec(prefixed), status(spec(), cluster_info={"flink-version": "x", "state-size": "1", **info}))
    return step(given, exceptions=history)


def test_flink_is_asked_only_after_a_task_changed() -> None:
    known = {"flink-version": "x", "state-size": "1", "exceptions-told": f"{NOW_MS - 1} {NOW_MS - 50_000}"}
    was = status(spec(), cluster_info=known)
    assert "exceptions" not in _asked(facts(spec(), was))
    changed = Flink(job=running_job(modified=NOW_MS - 49_999))
    assert _asked(facts(spec(), was, flink=changed)) == ("exceptions",)
    off = {"kubernetes.operator.events.exceptions.limit-per-reconciliation": "0"}
    assert "exceptions" not in _asked(facts(spec(off), was, flink=changed))


@pytest.mark.parametrize(
    ("state", "settled", "asked"),
    [("RUNNING", 2, True), ("RESTARTING", 0, True), ("FAILED", 0, True), ("RUNNING", 1, False), ("CANCELED", 0, False)],
)
def test_a_job_is_asked_for_exceptions_while_they_can_be_news(state: str, settled: int, asked: bool) -> None:
    """Not while it boots: its tasks change many times then, and every look is remembered by a write."""
    given = facts(spec(), status(spec(), cluster_info={}), flink=Flink(job=running_job(state, tasks_settled=settled)))
    assert (Need.EXCEPTIONS in _asked(given)) is asked


def _asked(given):
    decision = step(given).decision
    return decision.needs if isinstance(decision, Look) else ()


def test_newest_first_as_many_as_allowed_and_each_once() -> None:
    history = tuple(JobException(NOW_MS - i, f"boom {i}") for i in range(5))
    first = _told({"exceptions-told": f"{NOW_MS - 4} 0"}, history, limit_per_reconciliation="3")
    told = [event.message for event in first.events if event.reason == "JobException"]
    assert told == ["boom 0", "boom 1", "boom 2"]
    assert first.status.cluster_info["exceptions-told"] == f"{NOW_MS} {NOW_MS - 50_000}"
    again = _told(dict(first.status.cluster_info), history)
    assert "JobException" not in reasons(again)


def test_a_job_nobody_told_of_yet_begins_half_an_hour_ago() -> None:
    history = (JobException(NOW_MS - 60_000, "new"), JobException(NOW_MS - 31 * 60_000, "old"))
    told = [event.message for event in _told({}, history).events if event.reason == "JobException"]
    assert told == ["new"]


def test_the_event_is_the_java_operators() -> None:
    entry = JobException(NOW_MS, TRACE, "count (1/2)", "10.0.0.1:6122", "tm-1", (("type", "USER"), ("a b", "c")))
    (event,) = [each for each in _told({}, (entry,)).events if each.reason == "JobException"]
    assert (event.type, event.component) == ("Warning", "Job")
    assert event.message.splitlines()[0] == "java.lang.RuntimeException: boom"
    assert event.message.splitlines()[5:] == ["... (5 more lines)"]
    assert dict(event.annotations) == {
        "exception-timestamp": "2026-01-01T12:00:00.000Z",
        "task-name": "count (1/2)",
        "endpoint": "10.0.0.1:6122",
        "tm-id": "tm-1",
        "failure-label-type": "USER",
        "failure-label-a-b": "c",
    }


def test_no_answer_is_no_news_and_is_asked_again() -> None:
    given = facts(spec(), status(spec(), cluster_info={"flink-version": "x", "state-size": "1"}))
    ended = step(given, exceptions=Unreachable("busy"))
    assert exceptions.TOLD not in ended.status.cluster_info


def test_a_short_trace_is_told_whole() -> None:
    assert exceptions.shortened("a\n\tat b", 5) == "a\n\tat b"
