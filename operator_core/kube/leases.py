"""Who may act: a Lease (coordination.k8s.io/v1) that one agent holds and renews while others wait.

The rules are client-go's (package leaderelection): a lease that nobody renewed for its duration, as measured by
the one who waits and on its own monotonic clock, is free; whoever holds it gives up acting some seconds before
others may take it. `decide` is pure; `Lease` is the thread around it, and `check` the guard before every side
effect. Knows nothing of what is done under the lease.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime

from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import LEASES
from operator_core.runtime import processes
from operator_core.runtime.clock import Clock
from operator_core.runtime.processes import Process

log = logging.getLogger(__name__)

DURATION_SECONDS = 15
ACTING_SECONDS = 10.0
"""After the last renewal the holder acts no longer than this."""
RENEW_SECONDS = 4.0
LOOK_SECONDS = 1.0
_TAKEN_SECONDS = 0.1
_ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lease as it was seen, and when (monotonic seconds) it was first seen so."""

    version: str
    since: float


@dataclass(frozen=True, slots=True)
class Write:
    """Create (no `resourceVersion` in it) or replace the lease by this one."""

    body: Object


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else has it, for `seconds` at least unless it is released."""

    holder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who asks; `rival_is_gone` when the present holder is known not to run any more."""

    identity: str
    rival_is_gone: bool = False


def decide(live: Object, seen: Sighting | None, candidate: Candidate, now: datetime, monotonic: float) -> Write | Wait:
    """What to do about the lease `live` (with a name only: there is none yet)."""
    holder = holder_of(live)
    if holder and holder != candidate.identity and not candidate.rival_is_gone:
        since = seen.since if seen is not None else monotonic
        left = since + int(dig(live, "spec", "leaseDurationSeconds", default=DURATION_SECONDS)) - monotonic
        if left > 0:
            return Wait(holder, left)
    spec = live.get("spec") or {}
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    is_ours = holder == candidate.identity
    transitions = int(spec.get("leaseTransitions") or 0)
    return Write(
        {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": live["metadata"],
            "spec": {
                "holderIdentity": candidate.identity,
                "leaseDurationSeconds": DURATION_SECONDS,
                "acquireTime": spec["acquireTime"] if is_ours and "acquireTime" in spec else stamp,
                "renewTime": stamp,
                "leaseTransitions": transitions if is_ours or "spec" not in live else transitions + 1,
            },
        }
    )


def released(live: Object, now: datetime) -> Object:
    """The lease when its holder leaves: whoever waits may take it at once."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {**live["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": stamp}
    return {**live, "spec": spec}


def holder_of(live: Object) -> str:
    """The identity that holds a lease; empty when nobody does."""
    return str(dig(live, "spec", "holderIdentity", default="") or "")


def shown(identity: str) -> str:
    """An identity for people."""
    process = processes.parse(identity)
    return process.shown if process is not None else identity


class Lease:
    """One lease this process wants to hold. Safe to share between threads."""

    def __init__(self, client: Client, clock: Clock, namespace: str, name: str, me: Process | None = None) -> None:
        self._client = client
        self._clock = clock
        self._me = me or processes.this()
        self._none = {"metadata": {"namespace": namespace, "name": name}}
        self.place = f"{namespace}/{name}"
        self._live: Object | None = None
        self._seen: Sighting | None = None
        self._state = threading.Condition()
        self._until = float("-inf")
        self._problem = "nobody asked for it yet"
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask for the lease, and renew it once it is held; returns at once."""
        self._thread = threading.Thread(target=self._hold, name=f"lease-{self.place}", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop renewing, and release the lease if it is held: nothing may act under it any more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._state:
            was_held, self._until = self.is_held, float("-inf")
        if was_held and self._live is not None:
            try:
                self._client.send(requests.replace(LEASES, released(self._live, self._clock.now())))
            except AgentError as error:
                log.warning("the lease %s could not be released: %s", self.place, error)

    @property
    def is_held(self) -> bool:
        """Whether this process may act now."""
        return self._clock.monotonic() < self._until

    @property
    def problem(self) -> str:
        """Why it is not held; empty while it is."""
        return "" if self.is_held else self._problem

    def wait_held(self, timeout: float) -> bool:
        """Whether the lease was held within `timeout` seconds."""
        with self._state:
            return self._state.wait_for(lambda: self.is_held, timeout)

    def check(self) -> None:
        """Raise NotLeader unless this process may act now; to be called before every side effect."""
        if not self.is_held:
            raise errors.NotLeader(f"nothing is done without the lease {self.place}: {self._problem}")

    def _hold(self) -> None:
        while not self._over.is_set():
            try:
                pause = self._try()
            except errors.Conflict:
                self._live, pause = None, _TAKEN_SECONDS
            except AgentError as error:
                self._live, pause = None, LOOK_SECONDS
                self._tell(f"it cannot be renewed: {error.message}")
            self._over.wait(pause)

    def _try(self) -> float:
        """Ask once; the seconds until the next time."""
        live = self._live or self._read()
        began = self._clock.monotonic()
        version = str(dig(live, "metadata", "resourceVersion", default=""))
        if self._seen is None or self._seen.version != version:
            self._seen = Sighting(version, began)
        rival = processes.parse(holder_of(live))
        gone = rival is not None and processes.is_gone(rival, self._me)
        candidate = Candidate(str(self._me), gone)
        match decide(live, self._seen, candidate, self._clock.now(), began):
            case Wait(holder, _):
                self._live = None
                self._tell(f"the agent {shown(holder)} holds it; this one waits")
                return LOOK_SECONDS
            case Write(body):
                self._live = self._client.send(self._request(body, version), timeout=_ANSWER_SECONDS)
        with self._state:
            if not self.is_held:
                log.info("holding the lease %s", self.place)
            self._until, self._problem = began + ACTING_SECONDS, "it was not renewed in time"
            self._state.notify_all()
        return RENEW_SECONDS

    def _read(self) -> Object:
        namespace, _, name = self.place.partition("/")
        try:
            return self._client.send(requests.get(LEASES, namespace, name), timeout=_ANSWER_SECONDS)
        except errors.NotFound:
            return self._none

    @staticmethod
    def _request(body: Object, version: str) -> requests.Request:
        return (
            requests.replace(LEASES, body) if version else requests.create(LEASES, body["metadata"]["namespace"], body)
        )

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("the lease %s: %s", self.place, problem)
        self._problem = problem
