"""Requests of people that open a dead end: restore from a state they name, or start without one.

Each is carried out once (its id is remembered in a condition) and comes before everything that the phase would do.
`latest` means the newest state there is, recorded or found in the job's directories.
"""

from operator_core.decide import statelistings, steps, verdicts, wanted
from operator_core.decide.decisions import EndListing, SideEffect, Step
from operator_core.decide.facts import Facts, Listing
from operator_core.decide.records import Restore
from operator_core.errors import Reason


def restore_from(facts: Facts, asked: wanted.RestoreFrom) -> Step:
    """A person names the state: whatever stands is torn down and deployed again from there."""
    return _from(facts, asked, asked.path) if asked.path is not None else _latest(facts, asked)


def _from(facts: Facts, asked: wanted.RestoreFrom, path: str, then: SideEffect | None = None) -> Step:
    answered = verdicts.Answered(asked.id, f"restoring from {path}")
    return steps.torn_down(facts, Restore("savepoint", path), verdict=answered, then=then)


def _latest(facts: Facts, asked: wanted.RestoreFrom) -> Step:
    """The newest state there is, found once no JobManager can write or discard one any more."""
    if (step := statelistings.quiet(facts)) is not None:
        return step
    listing = statelistings.read(facts, asked.id)
    if not isinstance(listing, Listing):
        return listing
    state = statelistings.newest(facts, listing)
    if listing.cause and not (state is not None and statelistings.is_settled(facts)):
        return _unlisted(facts, asked, listing.cause, state)
    if state is not None:
        return _from(facts, asked, state.path, EndListing() if listing.state == "done" else None)
    if (loss := wanted.accepted_loss(facts)) is not None:
        answered = verdicts.Answered(f"{asked.id} {loss.id}", "no state was found, starting without")
        return steps.torn_down(facts, Restore("stateless"), verdict=answered)
    looked = "none was found" if listing.state == "done" else "its directories cannot be listed"
    return steps.blocked(
        facts,
        Reason.RestoreFailed,
        f"Request {asked.id}: no state of this job is recorded and {looked}; name its path instead of 'latest', or set "
        "gitsync.io/accept-state-loss: <any id> to start without state",
    )


def _unlisted(facts: Facts, asked: wanted.RestoreFrom, cause: str, recorded: statelistings.State | None) -> Step:
    """What is recorded may be older than what lies in a store that nobody could list: a person must say so."""
    known = f" The newest that is recorded is {recorded.path}." if recorded is not None else ""
    return steps.blocked(
        facts,
        Reason.RestoreFailed,
        f"Request {asked.id}: the newest state is not known: {cause}.{known} It is tried again every minute; else name "
        "a path instead of 'latest', or set gitsync.io/accept-state-loss: <any id> in place of this request",
        seconds=statelistings.TRY_AGAIN,
    )


def accept_loss(facts: Facts, asked: wanted.AcceptStateLoss) -> Step:
    """A person accepts that the job starts without state."""
    return steps.torn_down(facts, Restore("stateless"), verdict=verdicts.Answered(asked.id, "starting without state"))
