"""Which writes are not worth repeating yet: refused ones, and repairs that somebody keeps undoing.

A refusal holds for one content of one object and is tried again with growing pauses, because what
was missing (a namespace, a right, a webhook) may appear. Repairing drift is instant, but a third
writer must not turn it into a storm: after a few repairs in a row the pauses grow as well.
Remembered only to save requests; a restart tries everything once.
"""

import threading
from dataclasses import dataclass

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan, Update
from gitsync.model.syncstatuses import Problem
from gitsync.plan import diffing
from operator_core.errors import Reason

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
FREE_REPAIRS = 5
REPAIR_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that is not tried before `until` (monotonic seconds)."""

    digest: str
    problem: Problem
    failures: int
    until: float


@dataclass(frozen=True, slots=True)
class Held:
    """The part of a plan that must wait."""

    problems: dict[Identity, Problem]
    next_try: float | None
    """Seconds until the first of them may be tried."""


NOTHING_HELD = Held({}, None)


class Refusals:
    """Refusals and repairs of all apps. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[tuple[AppName, Identity], Refusal] = {}
        self._repairs: dict[tuple[AppName, Identity], list[float]] = {}

    def held(self, app: AppName, plan: Plan, now: float) -> Held:
        """What of `plan` is not to be written now."""
        problems: dict[Identity, Problem] = {}
        pauses: list[float] = []
        with self._lock:
            for step in plan.steps:
                one = step.desired
                known = self._refused.get((app, one.identity))
                if known is not None and known.digest == one.digest and known.until > now:
                    problems[one.identity] = known.problem
                    pauses.append(known.until - now)
        return Held(problems, min(pauses) if pauses else None)

    def remember(self, app: AppName, identity: Identity, digest: str, problem: Problem, now: float) -> float:
        """The API server said no; returns the seconds until the next try."""
        with self._lock:
            known = self._refused.get((app, identity))
            failures = known.failures + 1 if known is not None and known.digest == digest else 1
            pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))
            self._refused[(app, identity)] = Refusal(digest, problem, failures, now + pause)
        return pause

    def repaired(self, app: AppName, step: Update, now: float) -> None:
        """Drift was repaired; too often in a row and the next repair has to wait."""
        key = (app, step.desired.identity)
        with self._lock:
            recent = [moment for moment in self._repairs.get(key, []) if now - moment < REPAIR_WINDOW] + [now]
            self._repairs[key] = recent
            if len(recent) <= FREE_REPAIRS:
                return
            text = (
                f"something else keeps changing {step.desired.identity.shown}: {diffing.told(step.differences)};"
                " take the field out of Git or stop the other writer"
            )
            problem = Problem(
                reason=Reason.DriftContested,
                message=text,
                file=step.desired.file,
                line=step.desired.line,
                object=step.desired.identity.shown,
            )
            pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(len(recent) - FREE_REPAIRS, 10))
            self._refused[key] = Refusal(step.desired.digest, problem, 1, now + pause)

    def clear(self, app: AppName, identity: Identity | None = None) -> None:
        """Written after all, asked for by a person (no identity: everything of the app), or the app is gone."""
        with self._lock:
            for key in [key for key in self._refused if key[0] == app and identity in (None, key[1])]:
                del self._refused[key]
            if identity is None:
                for key in [key for key in self._repairs if key[0] == app]:
                    del self._repairs[key]
