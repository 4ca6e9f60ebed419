"""Finding the newest usable state of a job whose JobManager is gone: what is recorded, what lies in its directories.

Directories that only the job's pods can see are listed by a short pod (`StartListing`), S3-compatible stores by a lane
of the agent (`ListStores`); other stores are not listed. A state is usable when it is complete, belongs to the job (its
id is in the path) and, where its directory was listed, is there. Never picks what other jobs left beside it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from operator_core.conf import options
from operator_core.decide import statestores, steps, verdicts, wanted
from operator_core.decide.decisions import ScaleToZero, StartListing, Step
from operator_core.decide.facts import Facts, Listing
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.records import FINAL_SNAPSHOT, LAST_STATE_MARKER, epoch_ms
from operator_core.jsonvalues import Object, dig

TRY_AGAIN = 60.0
"""Seconds after which a store that could not be listed is asked again."""
_CHECK_AGAIN = 1.0
_NOTHING = Listing("", "failed")
_MTIME_SLACK_MS = 5_000
"""A file's time may be a little before the moment that was recorded on another machine."""


@dataclass(frozen=True, slots=True)
class State:
    """A checkpoint or savepoint and when it was complete (epoch ms)."""

    path: str
    time: int


def directories(facts: Facts) -> tuple[str, ...]:
    """Where the job's checkpoints and savepoints are, as far as a pod can list it; absolute paths."""
    job_id = facts.status.job_status.job_id or ""
    checkpoints = options.get(facts.last_conf, options.CHECKPOINT_DIR)
    found = [(checkpoints, f"/{job_id}")]
    found += [(options.get(conf, options.SAVEPOINT_DIR), "") for conf in (facts.conf, facts.last_conf)]
    paths = [f"{local}{below}" for place, below in found if place and (local := _local(place)) is not None]
    return tuple(dict.fromkeys(paths))


def places(facts: Facts) -> tuple[statestores.StorePlace, ...]:
    """Where they are in S3-compatible stores."""
    recorded = (each.path for each in (*_given(facts, _NOTHING, []), *_recorded(facts, _NOTHING)))
    return statestores.places(facts.status.job_status.job_id or "-", facts.conf, facts.last_conf, recorded)


def _local(place: str) -> str | None:
    """The path of a `file:` place without its last slash; None for every other store."""
    parts = urlsplit(place)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return None
    return parts.path.rstrip("/") or "/"


def quiet(facts: Facts) -> Step | None:
    """The step towards a cluster without JobManager pods; None once there are none."""
    cluster = facts.cluster
    if cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    stands = cluster is not None and not dig(cluster, "metadata", "deletionTimestamp")
    if stands and dig(cluster, "spec", "replicas", default=1) > 0:
        return Step(ScaleToZero(str(dig(cluster, "metadata", "uid"))), facts.status)
    if facts.pods:
        waiting = verdicts.Waiting("Restoring", "Waiting until no JobManager of the job is left")
        return steps.rest(facts, _CHECK_AGAIN, verdict=waiting)
    return None


def read(facts: Facts, purpose: str) -> Listing | Step:
    """What the job's directories hold, or the step on the way to know it. `purpose` tells listings apart."""
    local, stored = directories(facts), places(facts)
    if not (local or stored) or facts.last is None:
        return Listing(purpose, "failed")
    in_stores = _of_stores(facts, stored, purpose) if stored else Listing(purpose, "done")
    if not isinstance(in_stores, Listing) or in_stores.state == "failed" or not local:
        return in_stores
    if isinstance(facts.listing, Unread):
        return steps.look(facts, Need.STATE_LISTING)
    if facts.listing is None or facts.listing.purpose != purpose:
        return Step(StartListing(facts.last.spec, local, purpose), facts.status)
    if facts.listing.state == "pending":
        return _looking(facts, local)
    return replace(facts.listing, found=(*facts.listing.found, *in_stores.found))


def _of_stores(facts: Facts, stored: tuple[statestores.StorePlace, ...], purpose: str) -> Listing | Step:
    """What the stores hold, or why they cannot be listed; a failure is tried again from time to time."""
    known = facts.store_listing
    if isinstance(known, Unread):
        return steps.look(facts, Need.STORE_LISTING)
    if known is None or known.purpose != purpose or _is_over(facts, known):
        return Step(statestores.ListStores(wanted.wanted(facts).spec, stored, purpose), facts.status)
    return _looking(facts, stored) if known.state == "pending" else known


def _is_over(facts: Facts, listing: Listing) -> bool:
    return listing.state == "failed" and epoch_ms(facts.now) - listing.ended >= TRY_AGAIN * 1000


def _looking(facts: Facts, below: Iterable[object]) -> Step:
    text = f"Looking for the newest state below {', '.join(dict.fromkeys(map(str, below)))}"
    return steps.rest(facts, _CHECK_AGAIN, verdict=verdicts.Waiting("Restoring", text))


def newest(facts: Facts, listing: Listing) -> State | None:
    """The newest state that is usable; None where nothing is known.

    Of a stop or cancellation under way the savepoint, else the checkpoint that got furthest: what lies there newer may
    be of a rerun that began from older state and counts its checkpoints from there. One that ended settled the state.
    """
    info = facts.status.job_status.savepoint_info
    listed = list(_listed(facts, listing))
    stopping = info.trigger_type == "UPGRADE" and info.trigger_timestamp
    if stopping and (taken := savepoint_since(facts, listing, info.trigger_timestamp or 0)) is not None:
        return taken
    if stopping or phase_of(facts.status, facts.last) is Phase.CANCELLING:
        furthest = max(listed, key=_checkpoint_id, default=None)
        listed = [each for each in listed if each is furthest or _checkpoint_id(each) < 0]
    given = next((each for each in _given(facts, listing, listed) if _is_there(facts, listing, each.path)), None)
    if given is not None and is_settled(facts):
        return given
    recorded = [each for each in _recorded(facts, listing) if _is_there(facts, listing, each.path)]
    found = [*listed, *recorded, *([given] if given is not None else [])]
    return max(found, key=lambda each: each.time, default=None)


def is_settled(facts: Facts) -> bool:
    """Whether the job was stopped and its state recorded, so that nothing that ran afterwards counts."""
    return facts.last is not None and dig(facts.last.spec, "job", "state") == "suspended"


def _checkpoint_id(state: State) -> int:
    """The number of a checkpoint, which grows with the state it holds; -1 of a savepoint."""
    name = state.path.rpartition("/")[2]
    return int(name.removeprefix("chk-")) if name.startswith("chk-") else -1


def savepoint_since(facts: Facts, listing: Listing, since_ms: int) -> State | None:
    """The newest savepoint of the job that was completed after a moment and is not one that was known before."""
    info = facts.status.job_status.savepoint_info
    known = {_plain(each.location or "") for each in (*info.savepoint_history, info.last_savepoint) if each}
    known |= {_plain(each.path) for each in _resources(facts)}
    fresh = [
        each
        for each in _listed(facts, listing)
        if "/savepoint-" in each.path and each.time >= since_ms - _MTIME_SLACK_MS and _plain(each.path) not in known
    ]
    return max(fresh, key=lambda each: each.time, default=None)


def _listed(facts: Facts, listing: Listing) -> Iterator[State]:
    job_id = re.escape(facts.status.job_status.job_id or "-")
    short = re.escape((facts.status.job_status.job_id or "-")[:6])
    own = re.compile(rf".*/(?:{job_id}/chk-\d+|savepoint-{short}-[0-9a-f]+)")
    for path, time in listing.found:
        if own.fullmatch(path):
            yield State(f"file:{path}" if path.startswith("/") else path, time)


def _given(facts: Facts, listing: Listing, listed: list[State]) -> Iterator[State]:
    """The state that the deployment was given: older than all that it made since, whatever the clocks say."""
    given = facts.status.job_status.upgrade_savepoint_path
    if given and given != LAST_STATE_MARKER:
        state = _timed(listing, given, facts.status.reconciliation_status.reconciliation_timestamp)
        oldest = min((each.time for each in listed if each.path != state.path), default=state.time + 1)
        yield State(given, min(state.time, oldest - 1))


def _recorded(facts: Facts, listing: Listing) -> Iterator[State]:
    """What the status and the job's FlinkStateSnapshots say was taken of the job."""
    status = facts.status
    last = status.job_status.savepoint_info.last_savepoint
    if last is not None and last.location and last.location != status.job_status.upgrade_savepoint_path:
        yield _timed(listing, last.location, last.time_stamp)
    if path := status.cluster_info.get(FINAL_SNAPSHOT):
        yield _timed(listing, path, int(status.job_status.update_time or 0))
    for each in _resources(facts):
        yield _timed(listing, each.path, each.time)


def _timed(listing: Listing, path: str, recorded: int) -> State:
    """A recorded state; its file's time, where it was listed, comes from the clock that dated all other files."""
    dated = {_plain(found): time for found, time in listing.found}
    return State(path, dated.get(_plain(path), recorded))


def _resources(facts: Facts) -> Iterator[State]:
    for resource in facts.snapshots or ():
        path, stamp = dig(resource, "status", "path"), dig(resource, "status", "resultTimestamp")
        if dig(resource, "status", "state") == "COMPLETED" and path and _is_savepoint(resource):
            yield State(str(path), epoch_ms(datetime.fromisoformat(str(stamp))) if stamp else 0)


def _is_savepoint(resource: Object) -> bool:
    return dig(resource, "spec", "savepoint") is not None


def _is_there(facts: Facts, listing: Listing, path: str) -> bool:
    """Whether a path is not known to be gone: a directory that was listed has it."""
    below = (*directories(facts), *(statestores.plain(str(place)) for place in places(facts)))
    if listing.state != "done" or not any(_plain(path).startswith(f"{each}/") for each in below):
        return True
    return _plain(path) in {_plain(each) for each, _ in listing.found}


def _plain(path: str) -> str:
    return _local(path) or statestores.plain(path) or path
