"""What an outcome or an error of a pass means for its key."""

import threading

import pytest

from operator_core.errors import Reason, Retry, Stalled
from operator_core.outcomes import After, Done, Outcome, sooner
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.failpoints import wanted
from operator_core.runtime.loops import LONGEST_PAUSE, Loop, pause_after
from operator_core.runtime.queues import Key, Queue

KEY = Key("Kind", "ns", "name")


def run(answers: list[Outcome | Exception], passes: int) -> tuple[int, list[Exception], int]:
    """Run until `passes` passes were made; how many were made, errors told, keys still waiting."""
    queue = Queue(SystemClock())
    made: list[int] = []
    told: list[Exception] = []
    finished = threading.Event()

    def reconcile(key: Key) -> Outcome:
        answer = answers[min(len(made), len(answers) - 1)]
        made.append(1)
        if len(made) >= passes:
            finished.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    loop = Loop("test", queue, reconcile, workers=2, on_error=lambda key, error: told.append(error))
    loop.start()
    queue.add(KEY)
    assert finished.wait(10)
    while queue.get(0) is not None:
        pass
    assert loop.stop(10)
    return len(made), told, queue.depth()


def test_done_is_not_run_again() -> None:
    assert run([Done()], 1) == (1, [], 0)


def test_after_comes_back() -> None:
    made, told, _ = run([After(0.01), Done()], 2)
    assert (made, told) == (2, [])


def test_stalled_is_told_and_not_run_again() -> None:
    error = Stalled(Reason.Invalid, "spec.x is wrong")
    assert run([error], 1) == (1, [error], 0)


def test_retry_comes_back_when_it_says() -> None:
    error = Retry(Reason.ApiUnreachable, "no answer", after=0.01)
    made, told, _ = run([error, Done()], 2)
    assert (made, told) == (2, [error])


def test_any_exception_backs_off_and_the_worker_survives() -> None:
    error = ValueError("surprise")
    _, told, waiting = run([error], 1)
    assert (told, waiting) == ([error], 1)


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"), [(1, 0.5, 1.0), (2, 0.5, 1.5), (1, 0.0, 0.9), (99, 0.5, 60.0)]
)
def test_pauses_grow_to_a_limit(failures: int, jitter: float, seconds: float) -> None:
    assert pause_after(failures, jitter) == pytest.approx(seconds)
    assert pause_after(failures, 0.999) <= LONGEST_PAUSE * 1.1


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (Done(), Done(), Done()),
        (Done(), After(3), After(3)),
        (After(2), Done(), After(2)),
        (After(5), After(1), After(1)),
    ],
)
def test_the_sooner_outcome_wins(first: Outcome, second: Outcome, result: Outcome) -> None:
    assert sooner(first, second) == result


@pytest.mark.parametrize(
    ("setting", "result"), [(None, None), ("", None), ("owned-created", ("owned-created", 1)), ("x:3", ("x", 3))]
)
def test_failpoint_settings(setting: str | None, result: tuple[str, int] | None) -> None:
    assert wanted(setting) == result


def test_an_error_that_cannot_be_reported_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """While the API server restarts, what a pass ran into cannot be written to the status either."""
    queue = Queue(SystemClock())
    failed = threading.Event()

    def reconcile(key: Key) -> Outcome:
        raise Retry(Reason.ApiError, "not installed yet")

    def unreported(key: Key, error: Exception) -> None:
        failed.set()
        raise Retry(Reason.ApiError, "still not")

    loop = Loop("test", queue, reconcile, workers=1, on_error=unreported)
    loop.start()
    queue.add(KEY)
    assert failed.wait(10)
    assert loop.stop(10)
    (line,) = [each for each in caplog.records if each.name.endswith("loops")]
    assert line.exc_info is None and "not installed yet" in line.getMessage() and "still not" in line.getMessage()
