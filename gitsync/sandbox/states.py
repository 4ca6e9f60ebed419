"""What a sandbox's supervisor tells the other commands: one small JSON file, replaced as a whole.

The file says what the supervisor knows; whether there *is* a supervisor is told by its lock alone, which the
kernel releases however it dies. So a stale file can mislead nobody.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import time
from dataclasses import dataclass, field
from typing import TextIO

from gitsync.sandbox import errors
from gitsync.sandbox.layout import Layout

STARTING, RUNNING, STOPPING, STOPPED, FAILED = "starting", "running", "stopping", "stopped", "failed"
LOCK_PATIENCE_S = 3.0  # a `status` holds the lock for an instant while it looks


@dataclass(frozen=True, slots=True)
class State:
    """`pids` as the host sees them (`child` is the one to enter the namespaces by), `ports` on the host's loopback."""

    phase: str = STOPPED
    stage: str = ""
    message: str = ""
    kubelet: bool = True
    user_namespace: bool = False
    isolation: str = "namespaces"
    version: str = ""
    started_at: float = 0.0
    pids: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)


def read(layout: Layout) -> State:
    """The last state written; a stopped one when there is none."""
    try:
        document = json.loads(layout.state.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except (OSError, ValueError) as error:
        raise errors.SandboxError(f"{layout.state} cannot be read ({error}); delete the file") from error
    known = {each.name for each in dataclasses.fields(State)}
    return State(**{key: value for key, value in document.items() if key in known})


def write(layout: Layout, state: State) -> None:
    """Replace the state file."""
    scratch = layout.state.with_suffix(".new")
    scratch.write_text(json.dumps(dataclasses.asdict(state), indent=1) + "\n", encoding="utf-8")
    scratch.rename(layout.state)


def is_supervised(layout: Layout) -> bool:
    """Whether a supervisor is alive."""
    try:
        with open(layout.lock, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        raise errors.SandboxError(f"{layout.dir} cannot be read: {error.strerror}; name another --dir") from error
    return False


def hold(layout: Layout) -> TextIO:
    """Take the supervisor's lock until the returned file is closed. Raises SandboxError when another has it."""
    lock = open(layout.lock, "a", encoding="ascii")  # noqa: SIM115 - held for the life of the process
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise errors.SandboxError(f"another process already runs the sandbox in {layout.dir}") from None
            time.sleep(0.02)
        else:
            return lock
