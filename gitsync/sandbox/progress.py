"""Tells a person what is going on and how long it has taken.

On a terminal a running stage redraws its own line; elsewhere every line is plain and final, so that a log
stays readable. Knows nothing about the work it reports. Not for several threads at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

REDRAW_S = 0.1
PLAIN_REPEAT_S = 15.0  # a log wants a sign of life, not an animation


class Progress:
    """Stages with elapsed time, notes and byte counts on one text stream (standard error by default)."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty() if terminal is None else terminal
        self._clock = clock
        self._stages: list[tuple[str, float]] = []
        self._drawn_at: float | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one step; its line ends with the elapsed seconds, or says that it failed."""
        self._stages.append((name, self._clock()))
        self._drawn_at = None
        self._draw("", force=True)
        try:
            yield
        except BaseException:
            self._finish(31, "failed after")
            raise
        self._finish(32, "done in")

    def note(self, text: str) -> None:
        """A line of its own, at the depth of the current stage."""
        self._clear()
        self._line("  " * len(self._stages) + text)
        self._drawn_at = None

    def update(self, text: str) -> None:
        """What the current stage is busy with: redrawn on a terminal, now and then a line elsewhere."""
        self._draw(text)

    def bytes(self, done: int, total: int | None) -> None:
        """How far a transfer is; `total` in bytes, None or 0 when the sender did not say."""
        text = f"{done / 1e6:.1f} MB"
        if total:
            text = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB ({100 * done // total} %)"
        self._draw(text, force=total is not None and done >= total > 0 and self._terminal)

    def _draw(self, text: str, *, force: bool = False) -> None:
        now = self._clock()
        if not self._stages:
            return
        name, started = self._stages[-1]
        pause = REDRAW_S if self._terminal else PLAIN_REPEAT_S
        since = self._drawn_at if self._drawn_at is not None else started
        if not force and now - since < pause:
            return
        self._drawn_at = now
        line = f"{'  ' * (len(self._stages) - 1)}{name} ... {now - started:.0f} s {text}".rstrip()
        if self._terminal:
            self._stream.write(f"\r\033[K{line[:150]}")
            self._stream.flush()
        elif text:
            self._line(line)

    def _finish(self, colour: int, verdict: str) -> None:
        name, started = self._stages.pop()
        self._clear()
        tail = f"{verdict} {self._clock() - started:.1f} s"
        if self._terminal:
            tail = f"\033[{colour}m{tail}\033[0m"
        self._line(f"{'  ' * len(self._stages)}{name}: {tail}")
        self._drawn_at = None

    def _clear(self) -> None:
        if self._terminal:
            self._stream.write("\r\033[K")

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
