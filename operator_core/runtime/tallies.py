"""Counts and durations by label, kept for whoever asks: cheap to add to, read as a whole.

Knows nothing of how numbers are shown. Labels must come from small closed sets: a series lives as long as the process.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0, 120.0, 600.0)
"""Upper bounds in seconds: an API request is in the first ones, an upgrade in the last."""


@dataclass(frozen=True, slots=True)
class Series:
    """What was counted under one set of labels; `below` counts for each of `BUCKETS`, not added up."""

    count: int
    seconds: float
    below: tuple[int, ...]


class Tally:
    """Adds up. Safe to share between threads."""

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self._lock = threading.Lock()
        self._series: dict[tuple[str, ...], tuple[int, float, list[int]]] = {}

    def begin(self, *values: str) -> None:
        """Have a series for these values before there is something to count."""
        with self._lock:
            self._series.setdefault(values, (0, 0.0, [0] * len(BUCKETS)))

    def add(self, *values: str, seconds: float = 0.0) -> None:
        """One more with these values of the labels, which took so long."""
        place = next((number for number, bound in enumerate(BUCKETS) if seconds <= bound), None)
        with self._lock:
            count, sum_, below = self._series.get(values, (0, 0.0, [0] * len(BUCKETS)))
            if place is not None:
                below[place] += 1
            self._series[values] = (count + 1, sum_ + seconds, below)

    def read(self) -> Mapping[tuple[str, ...], Series]:
        """All series as they are now."""
        with self._lock:
            return {values: Series(count, sum_, tuple(below)) for values, (count, sum_, below) in self._series.items()}
