"""Settings that change while the agent runs: a mounted ConfigMap that was edited, without a restart.

Looks at the settings again every few seconds (a mounted file changes by a symbolic link, which no watch of a
file sees reliably). Settings that cannot be read leave the last good ones in force; what only a start can
change is said. Knows nothing of what the settings mean.
"""

import logging
import threading
from collections.abc import Callable

from gitsync.settings import Settings
from operator_core.errors import AgentError

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LIVE = frozenset({"operator_defaults", "watch_namespaces"})
"""What takes effect at once."""


class Reloader:
    """Calls `apply` with the settings whenever what can change did."""

    def __init__(self, settings: Settings, read: Callable[[], Settings], apply: Callable[[Settings], None]) -> None:
        self._now = settings
        self._read = read
        self._apply = apply
        self._told = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settings", daemon=True)

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(LOOK_SECONDS)

    def look(self) -> None:
        """Look once."""
        try:
            found = self._read()
        except AgentError as error:
            self._tell(f"the changed settings are not used: {error.message}")
            return
        changed = {name for name in Settings.model_fields if getattr(found, name) != getattr(self._now, name)}
        fixed = sorted(changed - LIVE)
        self._tell(f"changed settings take effect at the next start: {', '.join(fixed)}" if fixed else "")
        live = {name: getattr(found, name) for name in changed & LIVE}
        if live:
            self._now = self._now.model_copy(update=live)
            log.info("changed settings take effect: %s", ", ".join(sorted(live)))
            self._apply(self._now)

    def _tell(self, problem: str) -> None:
        """Each new problem once."""
        if problem and problem != self._told:
            log.warning("%s", problem)
        self._told = problem

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # the agent goes on with the settings it has
                log.exception("looking at the settings failed")
