"""A lane: work that may occupy only some of the workers at a time, so that the rest stays free for other keys.

Keys that find it full wait in order and are woken one by one as others leave; nobody asks again and again.
Knows nothing of what is done in it.
"""

import threading
from collections.abc import Callable

from operator_core.runtime.queues import Key


class Lane:
    """At most `width` keys inside. Safe to share between threads."""

    def __init__(self, width: int, wake: Callable[[Key], None]) -> None:
        self._width = max(1, width)
        self._wake = wake
        self._lock = threading.Lock()
        self._inside: set[Key] = set()
        self._waiting: dict[Key, None] = {}

    def enter(self, key: Key) -> bool:
        """Whether there is room; otherwise the key is woken when it is its turn."""
        with self._lock:
            if len(self._inside) < self._width:
                self._inside.add(key)
                self._waiting.pop(key, None)
                return True
            self._waiting[key] = None
            return False

    def leave(self, key: Key) -> None:
        """Make room for the next one."""
        with self._lock:
            self._inside.discard(key)
            following = next(iter(self._waiting), None)
            if following is not None:
                del self._waiting[following]
        if following is not None:
            self._wake(following)

    def forget(self, key: Key) -> None:
        """The key does not need the lane any more."""
        with self._lock:
            self._waiting.pop(key, None)
