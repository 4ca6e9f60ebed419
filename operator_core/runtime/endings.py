"""Being asked to end by a signal.

A Python signal handler runs in the main thread between any two instructions, also inside
`threading.Event.wait`, whose lock is not re-entrant: `Event.set` in a handler can dead-lock. So the handler sets a
plain attribute, and waiting is a read of a pipe that Python's own C handler writes to, whichever thread got the
signal (Python docs: `signal.set_wakeup_fd`).
"""

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Whether the process was asked to end. Make one, in the main thread."""

    def __init__(self) -> None:
        self._asked = False
        self._wake, written = os.pipe()
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._ask)

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def wait(self) -> None:
        """Return once a signal came, or at once when one did before."""
        while not self._asked:
            os.read(self._wake, 64)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
