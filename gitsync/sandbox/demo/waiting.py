"""Waits for a condition, with a deadline and an honest last word.

The one place of the demo and the end-to-end tests where time passes. Knows nothing of what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from gitsync.sandbox import errors
from operator_core.kube import errors as kube_errors

T = TypeVar("T")
PAUSE_S = 0.2


def until(
    check: Callable[[], T | None],
    what: str,
    *,
    seconds: float,
    told: Callable[[str], None] | None = None,
    pause: float = PAUSE_S,
) -> T:
    """The first answer of `check` that is neither None nor False. Raises SandboxError after `seconds`.

    An API server or Flink that does not answer is a reason to go on waiting, and is named when the time is up.
    """
    deadline = time.monotonic() + seconds
    problem = ""
    while True:
        try:
            found = check()
            if found is not None and found is not False:
                return found
            problem = ""
        except (kube_errors.KubeError, kube_errors.Unreachable) as error:
            problem = f" (last answer: {error})"
        if time.monotonic() > deadline:
            raise errors.SandboxError(f"{what}: not within {seconds:.0f} s{problem}")
        if told is not None:
            told(what)
        time.sleep(pause)
