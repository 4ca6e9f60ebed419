"""What was rendered lately, and when that does not count.

Who has to know that something comes out the same twice asks inside `fresh()`, where nothing is remembered.
"""

import contextlib
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from gitsync.git import memos

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


class Memo(memos.Memo[_T]):
    """A memo of renders."""

    def get(self, key: Hashable) -> _T | None:
        """The answer, or None when it is not remembered or must not be."""
        return None if _is_fresh.get() else super().get(key)
