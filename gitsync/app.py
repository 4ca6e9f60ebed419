"""The agent: which parts there are, how they are wired, in which order they start and stop.

Two halves that meet only through the API server: the sync half makes specs equal Git, the operator
half makes jobs equal specs. Each may run alone (`role`). Nothing here decides anything.
"""

import logging
import signal
import tempfile
import threading
from pathlib import Path

from starlette.applications import Starlette

from gitsync import telemetry
from gitsync.apply import definitions, rootapps
from gitsync.settings import Settings
from gitsync.synchalf import SyncHalf
from gitsync.web import signatures
from gitsync.web.app import Receiver, WebHooks, make_app
from gitsync.web.server import Server
from operator_core.controllers.operator import Operator
from operator_core.errors import Reason, Retry
from operator_core.kube.client import Client
from operator_core.runtime.clock import Clock, SystemClock

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
_SYNC_SECONDS = 60.0


class Agent:
    """Both halves of one agent, or one of them."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, work_directory: Path) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        runs_operator, runs_sync = settings.role in ("all", "operator"), settings.role in ("all", "sync")
        self._operator = self._operator_half() if runs_operator else None
        self._sync = SyncHalf(settings, client, clock, work_directory) if runs_sync else None
        self._ready = threading.Event()
        self._web = Server(self._web_app(), settings.web_port) if settings.web_port else None

    def start(self) -> None:
        """Bring everything up. Raises Retry when the API server does not list in time, Stalled without the kinds."""
        if self._web is not None:
            self._web.start()
        if self._settings.install_crds:
            self._install()
        if self._sync is not None:
            rootapps.ensure(self._client, self._settings)
        if self._operator is not None:
            self._operator.start()
        if self._sync is not None:
            self._sync.start()
        halves = [half for half in (self._operator, self._sync) if half is not None]
        if not all(half.wait_synced(_SYNC_SECONDS) for half in halves):
            raise Retry(
                Reason.ApiUnreachable, f"{self._client.server} did not list the agent's kinds in {_SYNC_SECONDS:.0f} s"
            )
        self._ready.set()
        log.info(
            "running as %s%s", self._settings.role, f", following {self._settings.repo}" if self._settings.repo else ""
        )

    def stop(self) -> None:
        """Let passes under way end: first what writes specs, then what acts on them."""
        self._ready.clear()
        if self._sync is not None:
            self._sync.stop(STOP_SECONDS)
        if self._operator is not None:
            self._operator.stop(STOP_SECONDS)
        if self._web is not None:
            self._web.stop(STOP_SECONDS)
        self._client.close()

    def _web_app(self) -> Starlette:
        queues = {name: half for name, half in (("operator", self._operator), ("sync", self._sync)) if half is not None}
        secret = self._settings.webhook.secret_file if self._settings.webhook.port else None
        hooks = WebHooks(
            live=lambda: "",
            ready=lambda: "" if self._ready.is_set() else "the agent is starting or stopping",
            metrics=telemetry.registry(self._client, queues),
            receiver=None
            if secret is None or self._sync is None
            else Receiver(secret=lambda: signatures.read_secret(secret), on_push=self._sync.pushed),
        )
        return make_app(hooks)

    def _operator_half(self) -> Operator:
        return Operator(
            self._client,
            clock=self._clock,
            namespaces=self._settings.watch_namespaces,
            defaults=self._settings.operator_defaults,
            rest=self._settings.flink_rest,
        )

    def _install(self) -> None:
        wanted = definitions.all_definitions()
        definitions.install(
            self._client, wanted, self._clock, timeout=60.0, told=lambda name: log.info("%s served", name)
        )


def run(settings: Settings, client: Client) -> None:
    """Run an agent until SIGTERM or SIGINT."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with tempfile.TemporaryDirectory(prefix="gitsync-") as scratch:
        agent = Agent(settings, client, SystemClock(), settings.work_directory or Path(scratch))
        try:
            agent.start()
            over.wait()
            log.info("stopping")
        finally:
            agent.stop()
