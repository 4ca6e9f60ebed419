"""What a pass over one key answers to the loop that ran it.

A pass never waits: it says when it wants to be run again, and watches may wake the key sooner.
Errors are not outcomes; they are raised (`errors.py`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing to do until something changes."""


@dataclass(frozen=True, slots=True)
class After:
    """Run the key again `seconds` from now at the latest."""

    seconds: float


Outcome = Done | After


def sooner(first: Outcome, second: Outcome) -> Outcome:
    """The outcome that runs the key earlier; Done never runs it by itself."""
    match first, second:
        case (After(a), After(b)):
            return After(min(a, b))
        case (After(), _):
            return first
        case _:
            return second
