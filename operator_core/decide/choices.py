"""How a job may be made to stop so that another spec takes over its state, as a closed union.

Shared by applications and session jobs, by upgrades and rollbacks. Says what there is to choose from, not which.
"""

from dataclasses import dataclass

from operator_core.decide.needs import Need
from operator_core.decide.records import Restore
from operator_core.errors import Reason

WAY_OUT = (
    "Manual restore required. Set the annotation gitsync.io/restore-from: '<any id> <path of a savepoint or "
    "checkpoint>' (or '<any id> latest'), or gitsync.io/accept-state-loss: <any id> to start without state"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop with a savepoint."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel and continue from the checkpoint that is kept."""


@dataclass(frozen=True, slots=True)
class TearDown:
    """Delete the cluster; `restore` is what the next deployment starts from."""

    restore: Restore


@dataclass(frozen=True, slots=True)
class Freeze:
    """Take a cluster that never started down, provided it is still at `version`."""

    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not possible at the moment; try again in `seconds` or when something changes."""

    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """Not possible without a person."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Ask:
    """More must be known."""

    needs: tuple[Need, ...]


Choice = Stop | Cancel | TearDown | Freeze | Wait | DeadEnd | Ask
