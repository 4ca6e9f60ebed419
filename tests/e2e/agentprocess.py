"""The agent as a process of this machine, so that a test can kill it at an exact step and start it again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_SECONDS = 60


class AgentProcess:
    """One `gitsync run`; its output goes to a log that all runs of a test share."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gitsync.cli.main", "run"],
                env={key: value for key, value in os.environ.items() if not key.startswith("GITSYNC_")} | settings,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def was_killed(self) -> bool:
        """Whether a failpoint (or `kill`) ended it; any other end is an error of the test's premise."""
        code = self._process.poll()
        assert code in (None, -signal.SIGKILL), f"the agent ended by itself with {code}; see {self.log}"
        return code is not None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and a clean end within a deadline."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the agent did not stop within {STOP_SECONDS} s of SIGTERM") from None


@contextmanager
def running(settings: dict[str, str], log: Path) -> Iterator[AgentProcess]:
    """An agent that is stopped at the end of the block, unless it is dead by then."""
    agent = AgentProcess(settings, log)
    try:
        yield agent
    except BaseException:
        agent.kill()
        raise
    agent.stop()
