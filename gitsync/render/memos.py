"""What was computed lately, by key, up to a total weight. Safe to share between threads.

Who has to know that something comes out the same twice asks inside `fresh()`, where nothing is remembered.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeVar

_T = TypeVar("_T")
_is_fresh: ContextVar[bool] = ContextVar("is_fresh", default=False)


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    """Within the block, and in this thread alone, no memo has an answer."""
    token = _is_fresh.set(True)
    try:
        yield
    finally:
        _is_fresh.reset(token)


class Memo(Generic[_T]):
    """The most recently used answers; `weigh` says how much one counts of `capacity`."""

    def __init__(self, capacity: int, weigh: Callable[[_T], int]) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._lock = threading.Lock()
        self._size = 0
        self._answers: OrderedDict[Hashable, _T] = OrderedDict()

    def get(self, key: Hashable) -> _T | None:
        """The answer, or None when it is not remembered."""
        if _is_fresh.get():
            return None
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
            return known

    def put(self, key: Hashable, answer: _T) -> None:
        """Remember an answer, and forget the oldest ones beyond the capacity."""
        with self._lock:
            if key in self._answers:
                return
            self._answers[key] = answer
            self._size += self._weigh(answer)
            while self._size > self._capacity:
                _, dropped = self._answers.popitem(last=False)
                self._size -= self._weigh(dropped)
