"""Events: repeats are counted, a flapping object cannot flood the API server, and nothing important is lost in it."""

from datetime import UTC, datetime, timedelta

import pytest

from operator_core.kube import errors, events
from operator_core.kube.requests import Request

ABOUT = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "ns", "uid": "1"}}


class SteppedClock:
    """Time that stands still until it is advanced."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class Server:
    """Keeps events as an API server would."""

    def __init__(self) -> None:
        self.stored: dict[str, dict] = {}
        self.requests = 0

    def send(self, request: Request) -> dict:
        self.requests += 1
        if request.method == "POST":
            name = request.body["metadata"]["name"]
            if name in self.stored:
                raise errors.AlreadyExists(409, "there")
            self.stored[name] = request.body
            return request.body
        name = request.path.rpartition("/")[2]
        if name not in self.stored:
            raise errors.NotFound(404, "gone")
        if request.method == "PATCH":
            self.stored[name] |= {key: value for key, value in request.body.items() if key != "metadata"}
            self.stored[name]["metadata"] |= request.body.get("metadata", {})
        return self.stored[name]

    @property
    def counts(self) -> list[int]:
        return [each["count"] for each in self.stored.values()]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def recorder(server: Server, clock: SteppedClock) -> events.Recorder:
    return events.Recorder(server, clock)  # type: ignore[arg-type]


def test_repeats_raise_the_count_and_replace_the_message(server: Server, recorder: events.Recorder) -> None:
    for number in range(3):
        recorder.event(ABOUT, "Warning", "Failing", f"attempt {number}", key="k", annotations={"a": str(number)})
    (stored,) = server.stored.values()
    assert (stored["count"], stored["message"]) == (3, "attempt 2")
    assert stored["metadata"]["annotations"] == {"a": "2"}


def test_a_new_process_goes_on_counting(server: Server, recorder: events.Recorder, clock: SteppedClock) -> None:
    recorder.event(ABOUT, "Warning", "Failing", "x")
    events.Recorder(server, clock).event(ABOUT, "Warning", "Failing", "x")  # type: ignore[arg-type]
    assert server.counts == [2]


def test_a_flapping_object_writes_at_a_bounded_rate_and_loses_no_count(
    server: Server, recorder: events.Recorder, clock: SteppedClock
) -> None:
    for _ in range(200):
        recorder.event(ABOUT, "Normal", "JobStatusChanged", "RUNNING to RESTARTING")
    assert server.requests == events.BURST and server.counts == [events.BURST]
    clock.advance(events.REFILL_SECONDS)
    recorder.event(ABOUT, "Normal", "JobStatusChanged", "RUNNING to RESTARTING")
    assert server.counts == [201]
    for number in range(50):
        recorder.event(ABOUT, "Warning", "JobException", f"another {number}")
    assert len(server.stored) == 1 + events.BURST


def test_other_reasons_and_other_objects_are_told_all_the_same(server: Server, recorder: events.Recorder) -> None:
    for _ in range(100):
        recorder.event(ABOUT, "Normal", "JobStatusChanged", "flap")
    recorder.event(ABOUT, "Normal", "Rollback", "important")
    recorder.event({**ABOUT, "metadata": {**ABOUT["metadata"], "uid": "2"}}, "Normal", "JobStatusChanged", "flap")
    assert len(server.stored) == 3


def test_what_is_written_is_a_line_of_the_log(recorder: events.Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", events.log.name):
        recorder.event(ABOUT, "Normal", "SpecChanged", "spec.job.parallelism:\n  1 -> 2")
        recorder.event(ABOUT, "Warning", "JobException", "boom")
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "Pod ns/app: SpecChanged: spec.job.parallelism: 1 -> 2"),
        ("WARNING", "Pod ns/app: JobException: boom"),
    ]
