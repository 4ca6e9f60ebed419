"""Doing something once although the API server is away at first.

A program that is started while the API server restarts, as happens when both lived on a node that went down, should
be there when it is back, and not wait out a pod's crash back-off. Whoever typed a wrong address should hear it soon.
Decides how long to try; knows nothing of what is done.
"""

import logging
import time
from collections.abc import Callable

from operator_core.kube import errors
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
_AGAIN_SECONDS = 1.0


def sit_out(do: Callable[[], None], is_over: Callable[[], bool], clock: Clock) -> None:
    """Do it, again while the API server gives no answer or a 5xx, for `PATIENCE_SECONDS` or until `is_over`.

    `do` must bear being done twice. Raises what `do` raised last when time is up, and any other error at once.
    """
    deadline = clock.monotonic() + PATIENCE_SECONDS
    told = ""
    while not is_over():
        try:
            return do()
        except (errors.Unreachable, errors.ServerError) as error:
            if clock.monotonic() >= deadline:
                raise
            if error.message != told:
                told = error.message
                log.warning("%s; trying again for %.0f s", told, deadline - clock.monotonic())
        time.sleep(_AGAIN_SECONDS)
