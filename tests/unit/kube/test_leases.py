"""Who gets a lease, when, and that nobody acts without one."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from operator_core.kube import errors, leases
from operator_core.kube.client import Client
from operator_core.kube.leases import Candidate, Lease, Sighting, Wait, Write
from operator_core.kube.requests import Request
from operator_core.runtime import processes

NOW = datetime(2026, 1, 1, 12, 0, 0, 5, UTC)
NONE = {"metadata": {"namespace": "n", "name": "l"}}
OURS = Candidate("me")


def lease(holder: str = "other", *, duration: int = 15, transitions: int = 3) -> dict[str, Any]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": duration, "leaseTransitions": transitions}
    return {"metadata": {**NONE["metadata"], "resourceVersion": "7"}, "spec": {**spec, "acquireTime": "then"}}


def test_missing_lease_is_made() -> None:
    found = leases.decide(NONE, None, OURS, NOW, 100.0)
    assert isinstance(found, Write)
    assert found.body["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T12:00:00.000005Z",
        "renewTime": "2026-01-01T12:00:00.000005Z",
        "leaseTransitions": 0,
    }


def test_own_lease_is_renewed_and_stays_acquired_then() -> None:
    found = leases.decide(lease("me"), None, OURS, NOW, 100.0)
    assert isinstance(found, Write)
    assert (found.body["spec"]["acquireTime"], found.body["spec"]["leaseTransitions"]) == ("then", 3)
    assert found.body["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(
    ("live", "seen", "candidate", "waits"),
    [
        pytest.param(lease(), None, OURS, 15.0, id="just seen"),
        pytest.param(lease(), Sighting("7", 90.0), OURS, 5.0, id="seen a while ago"),
        pytest.param(lease(), Sighting("7", 84.9), OURS, None, id="not renewed for its duration"),
        pytest.param(lease(duration=60), Sighting("7", 84.9), OURS, 44.9, id="the duration is the holder's"),
        pytest.param(lease(""), None, OURS, None, id="released"),
        pytest.param(lease(), None, replace(OURS, rival_is_gone=True), None, id="the holder does not run any more"),
    ],
)
def test_held_lease_is_waited_for(
    live: dict[str, Any], seen: Sighting | None, candidate: Candidate, waits: float | None
) -> None:
    found = leases.decide(live, seen, candidate, NOW, 100.0)
    if waits is None:
        assert isinstance(found, Write)
        assert (found.body["spec"]["holderIdentity"], found.body["spec"]["leaseTransitions"]) == ("me", 4)
    else:
        assert found == Wait("other", pytest.approx(waits))


def test_released_lease_is_free_at_once() -> None:
    assert isinstance(leases.decide(leases.released(lease("me"), NOW), None, Candidate("other"), NOW, 0.0), Write)


class Time:
    """A clock that stands still."""

    monotonic_now = 50.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.monotonic_now


class Server:
    """Keeps one lease as an API server does."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None
        self.version = 0

    def send(self, request: Request, *, timeout: float = 0.0) -> dict[str, Any]:
        if request.method == "GET":
            if self.kept is None:
                raise errors.NotFound(404, "no such lease")
            return self.kept
        if request.method == "PUT" and request.body["metadata"]["resourceVersion"] != str(self.version):
            raise errors.Conflict(409, "changed")
        self.version += 1
        self.kept = {**request.body, "metadata": {**request.body["metadata"], "resourceVersion": str(self.version)}}
        return self.kept


def test_holder_stops_acting_before_another_may_begin() -> None:
    time, server = Time(), Server()
    first = Lease(cast(Client, server), time, "n", "l")
    with pytest.raises(errors.NotLeader, match="n/l"):
        first.check()
    first.start()
    assert first.wait_held(5.0)
    first.check()
    time.monotonic_now += leases.ACTING_SECONDS + 0.1
    assert leases.ACTING_SECONDS < leases.DURATION_SECONDS
    with pytest.raises(errors.NotLeader, match="not renewed in time"):
        first.check()
    first.stop(5.0)


def test_stopped_holder_hands_over_and_acts_no_more() -> None:
    time, server = Time(), Server()
    first = Lease(cast(Client, server), time, "n", "l")
    second = Lease(cast(Client, server), time, "n", "l", replace(processes.this(), host="elsewhere"))
    first.start()
    assert first.wait_held(5.0)
    second.start()
    assert not second.wait_held(0.3)
    assert f"process {os.getpid()}) holds it" in second.problem
    first.stop(5.0)
    with pytest.raises(errors.NotLeader):
        first.check()
    assert second.wait_held(5.0)
    second.stop(5.0)


def test_process_is_known_to_be_gone_only_on_its_own_machine() -> None:
    me = processes.this()
    assert processes.parse(str(me)) == me
    assert processes.parse("gitsync-7d9f_0b1c") is None
    assert not processes.is_gone(me, me)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    other = replace(me, pid=child.pid, start=processes._start(child.pid) or "")
    assert not processes.is_gone(other, me)
    child.kill()
    child.communicate()
    assert processes.is_gone(other, me)
    assert not processes.is_gone(replace(other, host="elsewhere"), me)
    assert processes.is_gone(replace(me, start="1"), me)
