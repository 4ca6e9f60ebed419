"""Waiting outlives an API server that is restarted."""

from collections.abc import Iterator

import pytest

from gitsync.sandbox import errors
from gitsync.sandbox.demo import waiting
from operator_core.kube import errors as kube_errors


@pytest.mark.parametrize(
    "error", [kube_errors.Unreachable("connection refused"), kube_errors.ServerError(503, "starting")], ids=type
)
def test_no_answer_is_a_reason_to_go_on_waiting(error: Exception) -> None:
    answers: Iterator[Exception | str] = iter([error, "found"])

    def check() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert waiting.until(check, "it", seconds=10, pause=0) == "found"


def test_the_last_word_names_what_did_not_answer() -> None:
    def check() -> None:
        raise kube_errors.Unreachable("connection refused")

    with pytest.raises(errors.SandboxError, match=r"it: not within 0 s .*connection refused"):
        waiting.until(check, "it", seconds=0, pause=0)
