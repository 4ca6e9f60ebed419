"""Counting by label, and log lines that say which pass they are of."""

import json
import logging

from operator_core.controllers.transitions import Transitions
from operator_core.jsonvalues import Object
from operator_core.runtime import logs
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.tallies import BUCKETS, Tally


class Time(SystemClock):
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_counts_and_durations_are_kept_by_label() -> None:
    tally = Tally("method", "code")
    tally.begin("GET", "500")
    for seconds in (0.001, 0.3, 9999.0):
        tally.add("GET", "200", seconds=seconds)
    found = tally.read()
    assert found[("GET", "500")].count == 0
    one = found[("GET", "200")]
    assert (one.count, one.seconds) == (3, 9999.301)
    assert [BUCKETS[number] for number, count in enumerate(one.below) if count] == [0.005, 0.5]


def resource(state: str | None, uid: str = "u") -> Object:
    return {"metadata": {"uid": uid}, "status": {"lifecycleState": state} if state else {}}


def test_transitions_are_timed_from_what_was_seen() -> None:
    time = Time()
    transitions = Transitions(time)
    for seconds, state in ((0, None), (1, "CREATED"), (3, "DEPLOYED"), (4, "DEPLOYED"), (10, "STABLE")):
        time.seconds = seconds
        transitions.observe("FlinkDeployment", resource(state))
    transitions.forget(resource("STABLE"))
    time.seconds = 20
    transitions.observe("FlinkDeployment", resource("UPGRADING"))
    found = {labels: series.seconds for labels, series in transitions.tally.read().items()}
    assert found == {
        ("FlinkDeployment", "CREATED", "DEPLOYED"): 2.0,
        ("FlinkDeployment", "DEPLOYED", "STABLE"): 7.0,
    }


def line(**extra: str) -> Object:
    record = logging.LogRecord("a.b", logging.INFO, "f", 1, "text", None, None)
    record.__dict__.update(extra)
    found: Object = json.loads(logs.JsonFormatter().format(record))
    return found


def test_lines_of_a_pass_say_so() -> None:
    with logs.during(resource="SyncApp a/b", pass_id="1f"):
        assert (line()["resource"], line()["pass_id"]) == ("SyncApp a/b", "1f")
        assert line(resource="other")["resource"] == "other"
    assert "pass_id" not in line()
