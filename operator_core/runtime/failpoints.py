"""Named places where a test can make the process die as if the machine had lost power.

Every write-ahead record is only worth what a crash right after it shows. `reach(name)` marks such a
place; with `GITSYNC_FAILPOINT=name` (or `name:3` for the third time) in the environment the process
sends itself SIGKILL there: no handler runs, nothing is flushed. Without the variable it costs one
comparison.
"""

import os
import signal
import threading

VARIABLE = "GITSYNC_FAILPOINT"

_lock = threading.Lock()
_reached: dict[str, int] = {}


def wanted(setting: str | None) -> tuple[str, int] | None:
    """The name and the count (from 1) that `setting` asks for, or None."""
    if not setting:
        return None
    name, _, count = setting.partition(":")
    return name, int(count) if count.isdigit() else 1


_wanted = wanted(os.environ.get(VARIABLE))


def reach(name: str) -> None:
    """Die here when the environment asks for it; otherwise do nothing."""
    if _wanted is None or _wanted[0] != name:
        return
    with _lock:
        _reached[name] = _reached.get(name, 0) + 1
        if _reached[name] == _wanted[1]:
            os.kill(os.getpid(), signal.SIGKILL)
