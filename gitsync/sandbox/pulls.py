"""Fetches the Flink releases that the kubelet, which has no network, wishes for.

A wish is a file that `images.pulling` explains. The supervisor gives this module a turn now and then; each
release is fetched by one process, and one that ended without an answer is tried again at the next turn.
"""

from __future__ import annotations

import subprocess

from gitsync.sandbox import leash
from gitsync.sandbox.images import pulling
from gitsync.sandbox.layout import Layout

INTERVAL_S = 0.5
MODULE = "gitsync.sandbox.images.pulling"


class Pulls:
    """The fetches under way, by release."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def turn(self) -> None:
        """Start what is newly wished for; collect what has ended."""
        for release, process in list(self._running.items()):
            if process.poll() is not None:
                leash.let_go(self._running.pop(release))
        for release in pulling.wishes(self._layout.dir):
            if release not in self._running:
                with open(self._layout.log("images"), "ab") as log:
                    self._running[release] = leash.start(MODULE, [str(self._layout.dir), release], log)

    def close(self) -> None:
        """End the fetches under way; what they had is fetched again next time."""
        while self._running:
            leash.let_go(self._running.popitem()[1])
