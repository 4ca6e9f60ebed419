"""The agent: which parts there are, how they are wired, in which order they start and stop.

Two halves that meet only through the API server: the sync half makes specs equal Git, the operator
half makes jobs equal specs. Each may run alone (`role`), and each acts only under a lease of its own, so
that of several agents one does the work. Nothing here decides anything.
"""

import gc
import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from starlette.applications import Starlette

from gitsync import telemetry
from gitsync.apply import definitions, rootapps
from gitsync.reloading import Reloader
from gitsync.settings import Settings
from gitsync.synchalf import SyncHalf
from gitsync.web import signatures
from gitsync.web.app import Receiver, WebHooks, make_app
from gitsync.web.server import Server
from operator_core.conf.defaults import Defaults
from operator_core.controllers.operator import Operator
from operator_core.errors import Reason, Retry
from operator_core.flink.tlscontexts import Files
from operator_core.kube import outages
from operator_core.kube.client import Client
from operator_core.kube.leases import Lease
from operator_core.runtime.clock import Clock, SystemClock
from operator_core.runtime.endings import Ending
from operator_core.runtime.loops import Loop

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
_SYNC_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_BETWEEN_SEARCHES = (50_000, 20, 50)
"""How many new objects lead to a search for cycles among the young ones, how many of those to one among the older, and
how many of these to one of the whole heap. With Python's own numbers most passes over a thousand apps ended in such
a search, which took a third of a second and found nothing."""


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the agent and the lease without which it does nothing."""

    lease: Lease
    part: Operator | SyncHalf


class Agent:
    """Both halves of one agent, or one of them."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, work_directory: Path) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._work_directory = work_directory
        self._operator = self._operator_half() if settings.role in ("all", "operator") else None
        self._sync = self._sync_half() if settings.role in ("all", "sync") else None
        self._halves = tuple(half for half in (self._operator, self._sync) if half is not None)
        self._ready = threading.Event()
        self._web = Server(self._web_app(), settings.web_port) if settings.web_port else None

    def start(self, over: Ending) -> None:
        """Bring everything up, each half as soon as no other agent acts in its place; until then, or `over`, wait.

        Raises Retry when the API server stays away or does not list in time, Stalled without the kinds.
        """
        if self._web is not None:
            self._web.start()
        ensure = partial(rootapps.ensure_namespace, self._client, self._settings.namespace)
        outages.sit_out(ensure, over.is_set, self._clock)
        for half in self._halves:
            half.lease.start()
        waiting = list(self._halves)
        while waiting and not over.is_set():
            for half in [half for half in waiting if half.lease.wait_held(_LOOK_SECONDS)]:
                outages.sit_out(partial(self._prepare, half), over.is_set, self._clock)
                half.part.start()
                waiting.remove(half)
        if waiting:
            return
        if not all(half.part.wait_synced(_SYNC_SECONDS) for half in self._halves):
            raise Retry(
                Reason.ApiUnreachable, f"{self._client.server} did not list the agent's kinds in {_SYNC_SECONDS:.0f} s"
            )
        self._ready.set()
        log.info(
            "running as %s%s", self._settings.role, f", following {self._settings.repo}" if self._settings.repo else ""
        )

    def stop(self) -> None:
        """Let passes under way end: first what writes specs, then what acts on them; then others may act."""
        self._ready.clear()
        for half in reversed(self._halves):
            half.part.stop(STOP_SECONDS)
        for half in self._halves:
            half.lease.stop(STOP_SECONDS)
        if self._web is not None:
            self._web.stop(STOP_SECONDS)
        self._client.close()

    def reload(self, settings: Settings) -> None:
        """Go on with other settings, as far as they can change while the agent runs."""
        old, self._settings = self._settings, settings
        for half in self._halves:
            if settings.operator_defaults != old.operator_defaults:
                half.part.configure(Defaults(settings.operator_defaults))
            if settings.watch_namespaces != old.watch_namespaces:
                half.part.watch(settings.watch_namespaces)

    def _prepare(self, half: Half) -> None:
        if self._settings.install_crds:
            self._install()
        if half is self._sync:
            rootapps.ensure(self._client, self._settings)

    def _wrong(self) -> str:
        """Why the agent does not do its work; empty when it does."""
        problems = [
            f"the lease {half.lease.place}: {half.lease.problem}" for half in self._halves if half.lease.problem
        ]
        return "; ".join(problems) or ("" if self._ready.is_set() else "the agent is starting or stopping")

    def _web_app(self) -> Starlette:
        secret = self._settings.webhook.secret_file if self._settings.webhook.port else None
        sync = self._sync.part if self._sync is not None else None
        hooks = WebHooks(
            live=lambda: "",
            ready=self._wrong,
            metrics=telemetry.registry(self._numbers()),
            receiver=None
            if secret is None or not isinstance(sync, SyncHalf)
            else Receiver(secret=lambda: signatures.read_secret(secret), on_push=sync.pushed),
        )
        return make_app(hooks)

    def _numbers(self) -> telemetry.Sources:
        """Where the metrics come from: whichever halves there are."""
        operator = self._operator.part if self._operator is not None else None
        sync = self._sync.part if self._sync is not None else None
        loops: dict[str, Loop] = {}
        found = telemetry.Sources(self._client, {})
        if isinstance(operator, Operator):
            loops["operator"] = operator.loop
            found = replace(
                found,
                flink=(operator.rest.requests,),
                transitions=(operator.transitions.tally,),
                deployments=operator.resources.items,
                session_jobs=operator.session_jobs.items,
            )
        if isinstance(sync, SyncHalf):
            loops |= sync.loops
            found = replace(found, apps=sync.apps, deliveries=lambda: sync.reporting.depths, renders=sync.renders)
        passes = tuple(loop.passes for loop in loops.values())
        return replace(found, queues={name: loop.queue for name, loop in loops.items()}, passes=passes)

    def _operator_half(self) -> Half:
        lease = self._lease("gitsync-operator")
        part = Operator(
            self._client.guarded(lease.check),
            clock=self._clock,
            namespaces=self._settings.watch_namespaces,
            defaults=Defaults(self._settings.operator_defaults),
            rest=self._settings.flink_rest,
            tls_files=Files(
                self._settings.flink_ca_file, self._settings.flink_cert_file, self._settings.flink_key_file
            ),
        )
        return Half(lease, part)

    def _sync_half(self) -> Half:
        lease = self._lease("gitsync-sync")
        client = self._client.guarded(lease.check)
        return Half(lease, SyncHalf(self._settings, client, self._clock, self._work_directory))

    def _lease(self, name: str) -> Lease:
        return Lease(self._client, self._clock, self._settings.namespace, name)

    def _install(self) -> None:
        wanted = definitions.all_definitions()
        definitions.install(
            self._client, wanted, self._clock, timeout=60.0, told=lambda name: log.info("%s served", name)
        )


def run(settings: Settings, client: Client, read: Callable[[], Settings] | None = None) -> None:
    """Run an agent until SIGTERM or SIGINT. `read` gives the settings anew (None: they cannot change)."""
    over = Ending()
    gc.set_threshold(*_BETWEEN_SEARCHES)
    with tempfile.TemporaryDirectory(prefix="gitsync-") as scratch:
        agent = Agent(settings, client, SystemClock(), settings.work_directory or Path(scratch))
        reloader = Reloader(settings, read, agent.reload) if read is not None else None
        try:
            agent.start(over)
            if reloader is not None:
                reloader.start()
            over.wait()
            log.info("stopping")
        finally:
            if reloader is not None:
                reloader.stop()
            agent.stop()
