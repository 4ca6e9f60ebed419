"""Threads that send what others hand over, the most urgent first, each for as long as it takes.

What is sent next, and when, is the owner's to say: it is asked under the lock that guards what it knows, and again
whenever something was handed over, a moment has come, or a sending ended. Knows nothing of what is sent.
"""

import threading
import time
from collections.abc import Callable

Take = Callable[[], tuple[Callable[[], None] | None, float | None]]
"""What to send now; else None, and the seconds until there may be something (None: until something changes)."""


class Senders:
    """A few threads and the lock they share with their owner."""

    def __init__(self, name: str, workers: int, take: Take) -> None:
        """`take` is called with the lock held; what it returns is called without."""
        self.changed = threading.Condition()
        """Held to read or change what `take` reads; notify it of a change."""
        self.stopping = False
        self._take = take
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Send what `take` still gives at once, and end within `timeout` seconds."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while True:
            with self.changed:
                send, wait = self._take()
                while send is None:
                    if self.stopping:
                        return
                    self.changed.wait(wait)
                    send, wait = self._take()
            send()
