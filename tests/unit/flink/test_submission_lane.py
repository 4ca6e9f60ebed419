"""The lane that submits session jobs: what it sends, what it remembers of a try, that no jar stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from operator_core.controllers import submissionlane
from operator_core.controllers.submissionlane import SubmissionLane, Work
from operator_core.decide.decisions import SubmitJob
from operator_core.decide.sessionfacts import Sent, Submission, SubmissionFailed, UnderWay
from operator_core.flink.jarsources import JarSources, Policy
from operator_core.flink.rest import Address, DirectTransport
from operator_core.runtime.clock import SystemClock

JOB = SubmitJob("a" * 32, None, "x.Main", (), 1, None, False, (), "v1_20")
WORK = Work(Address("ns", "cluster"), JOB, Policy(), 5.0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = (
    "<Exception on server side:\norg.apache.flink.util.FlinkException: Could not run\n\tat x.Y.z\nCaused by: boom\n>"
)
Answer = Callable[[httpx.Request], httpx.Response]


class Flink:
    """A JobManager's REST of jars; `run` answers the submission."""

    def __init__(self, run: Answer) -> None:
        self.run = run
        self.seen: list[str] = []
        self.uploaded = b""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.path}")
        if request.url.path == "/jars/upload":
            self.uploaded = request.read()
            return httpx.Response(200, json={"filename": "/tmp/u/1_job.jar", "status": "success"})
        return self.run(request) if request.method == "POST" else httpx.Response(200, json={})


@pytest.fixture
def submit() -> Iterator[Callable[[Answer, Work], tuple[Submission, Flink]]]:
    lanes: list[SubmissionLane] = []

    def tried(run: Answer, work: Work = WORK) -> tuple[Submission, Flink]:
        ended = threading.Event()
        flink = Flink(run)
        transport = DirectTransport(transport=httpx.MockTransport(flink))
        lane = SubmissionLane(SystemClock(), transport, JarSources(), lambda *_: ended.set())
        lanes.append(lane)
        lane.start()
        lane.submit("ns", "job", work)
        assert ended.wait(20)
        return lane.known("ns", "job"), flink

    yield tried
    for lane in lanes:
        lane.stop(5.0)


def _hang(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("too late")


def test_a_job_is_uploaded_run_and_its_jar_removed(submit) -> None:
    known, flink = submit(lambda _: httpx.Response(200, json={"jobid": "a" * 32}))
    assert isinstance(known, Sent) and known.job_id == "a" * 32
    assert flink.seen == ["POST /jars/upload", "POST /jars/1_job.jar/run", "DELETE /jars/1_job.jar"]
    assert b"META-INF/MANIFEST.MF" in flink.uploaded


def test_a_job_that_flink_has_already_counts_as_sent(submit) -> None:
    text = (
        "<Exception on server side:\norg.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already"
    )
    known, _ = submit(lambda _: httpx.Response(500, json={"errors": ["Internal server error.", text]}))
    assert isinstance(known, Sent)


def test_a_refusal_is_certain_and_told_with_its_cause(submit) -> None:
    known, flink = submit(lambda _: httpx.Response(400, json={"errors": ["Internal server error.", TRACE]}))
    assert isinstance(known, SubmissionFailed) and known.certain
    assert "Could not run" in known.cause and "boom" in known.cause
    assert flink.seen[-1] == "DELETE /jars/1_job.jar"


def test_a_lost_answer_leaves_open_whether_flink_has_the_job(submit) -> None:
    known, flink = submit(_hang)
    assert isinstance(known, SubmissionFailed) and not known.certain
    assert flink.seen[-1] == "DELETE /jars/1_job.jar"


def test_a_jar_that_cannot_be_had_was_certainly_not_submitted(submit) -> None:
    work = replace(WORK, job=replace(JOB, jar_uri="https://127.0.0.1/x.jar"))
    known, flink = submit(_hang, work)
    assert isinstance(known, SubmissionFailed) and known.certain and known.tries == 1
    assert "restricted address" in known.cause and flink.seen == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, UnderWay("a", 0, True)),
        (SubmissionFailed("a", "404", True, 2, NOW, unsent=True), UnderWay("a", 2, True)),
        (SubmissionFailed("a", "late", False, 2, NOW), UnderWay("a", 2, False)),
        (SubmissionFailed("b", "late", False, 2, NOW), UnderWay("a", 0, True)),
        (Sent("a", NOW), UnderWay("a", 0, False)),
    ],
)
def test_a_further_try_knows_whether_one_before_may_have_reached_flink(before: Submission, expected: UnderWay) -> None:
    assert submissionlane.begun(before, "a") == expected
