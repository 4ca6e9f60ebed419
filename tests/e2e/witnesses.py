"""A witness of a job's JobManager processes: it looks at the machine itself, also while the API server is dead."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import kills
from teams import Team

PAUSE_SECONDS = 0.1


class Witness:
    """Looks within a `with` block; `together` is the most JobManagers that it saw at one moment."""

    def __init__(self, team: Team, job: str) -> None:
        self.together = 0
        self.looks = 0
        self._team, self._job = team, job
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            self.together = max(self.together, len(kills.job_managers(self._team, self._job)))
            self.looks += 1
