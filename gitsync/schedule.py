"""Clockwork: what is looked at again without anybody asking. Jobs here only add keys to queues.

apscheduler with intervals and jitter, so that many agents do not ask one Git server at the same
second; a tick that comes late is one tick.
"""

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

_JITTER = 0.1


class Schedule:
    """Named jobs at intervals."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(timezone="UTC", daemon=True)

    def every(self, seconds: float, name: str, job: Callable[[], None]) -> None:
        """Run `job` every `seconds`, give or take a tenth."""
        trigger = IntervalTrigger(seconds=seconds, jitter=seconds * _JITTER)
        self._scheduler.add_job(job, trigger, id=name, coalesce=True, max_instances=1, misfire_grace_time=None)

    def start(self) -> None:
        """Start ticking."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; a running job ends."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
