"""The sync half of an agent: its caches, queues, loops and receivers, wired by hand.

Everything that happens adds a key to one of two queues: repositories to look at, apps to pass over.
"""

import functools
import logging
from pathlib import Path

from gitsync.apply.applying import Applier
from gitsync.apply.claims import Claims
from gitsync.apply.hookruns import HookRuns
from gitsync.apply.jqpaths import JqPaths
from gitsync.apply.livecaches import LiveCaches
from gitsync.apply.refusals import Refusals
from gitsync.apply.restartbudgets import RestartBudget
from gitsync.apply.restoreorders import RestoreOrders
from gitsync.apply.stateguarding import StateGuards
from gitsync.charts.chartmirrors import ChartMirrors
from gitsync.desired.families import Families
from gitsync.desired.fetching import REPOSITORY, Move, Repositories
from gitsync.desired.lockedcharts import LockedCharts
from gitsync.desired.lookups import WORKERS, Lookups
from gitsync.desired.targets import Targets
from gitsync.git import refs, urls
from gitsync.git.mirrors import Mirror, Mirrors
from gitsync.git.signatures import Verifier
from gitsync.git.urls import Policy
from gitsync.model import syncapps
from gitsync.model.identities import AppName
from gitsync.model.projects import SyncWindow
from gitsync.model.syncapps import SyncApp
from gitsync.passes.carrying import Carrier
from gitsync.passes.comparing import Comparer, OperatorHalf, Rulings
from gitsync.passes.confirming import Confirmer
from gitsync.passes.deletionhooks import DeletionHooks
from gitsync.plan.pruning import Budget
from gitsync.render import layouts
from gitsync.render.buildenvironment import ClusterVersions
from gitsync.render.helm import Helm
from gitsync.render.kustomize import Kustomize
from gitsync.render.lanes import BuildLane
from gitsync.report.publishing import Publisher
from gitsync.reporting import Reporting
from gitsync.rights import permits
from gitsync.rights.credentialstores import CredentialStore
from gitsync.rights.projectstores import ProjectStore
from gitsync.schedule import Schedule
from gitsync.settings import Settings
from gitsync.sync import Parts, Syncer
from gitsync.wakes import Wakes
from gitsync.web.pushes import Push
from operator_core.conf.defaults import Defaults
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.capabilities import Capabilities
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.events import Recorder
from operator_core.kube.requests import Resource
from operator_core.runtime.clock import Clock
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

log = logging.getLogger(__name__)

_PASSES = 4


class SyncHalf:
    """Makes specs equal Git."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, work_directory: Path) -> None:
        self.client = client
        self._settings = settings
        self._queue = Queue(clock)
        lookups = Queue(clock)
        self._wakes = Wakes(client, settings.namespace, self._queue)
        self._apps = self._wakes.apps
        self._live = LiveCaches(client, settings.watch_namespaces, settings.namespace, self._wakes.one)
        self._credentials = CredentialStore(client, settings, self._wakes.all)
        mirrors = Mirrors(work_directory / "mirrors", Policy(module_hosts=settings.submodule_hosts))
        charts = ChartMirrors(work_directory / "charts")
        self._repositories = Repositories(mirrors, charts, self._credentials.find, lookups, self._told)
        self._applier = Applier(client, self._observed, StateGuards(client, clock))
        claims = self._claims = Claims(self._repositories.newest)
        self._jq = JqPaths()
        tools = layouts.Tools(Kustomize(settings.kubectl), Helm(settings.helm))
        self._builds = BuildLane(clock, tools, self._wakes.one)
        self.reporting = Reporting(settings, client, clock, self._repositories, self._wakes.one)
        discovery = Discovery(client)
        self._projects = ProjectStore(client, settings, clock, discovery, self._wakes.project_changed)
        self._verifier = Verifier(work_directory / "keyrings")
        capabilities = Capabilities(client)
        families = Families(
            self._repositories, self._wakes.find, self._check_lookup, discovery.find, settings.argocd_applications
        )
        allowed = permits.Permits(self._verify, self._projects.find, self._credentials.age_keys)
        self._targets = Targets(
            self._repositories,
            self._builds,
            families,
            allowed,
            settings.namespace,
            lambda: ClusterVersions(*capabilities.read()),
        )
        recorder = Recorder(client, clock, component="gitsync")
        self._defaults = Defaults(settings.operator_defaults)
        operator = OperatorHalf(self._current_defaults) if settings.role == "all" else None
        self._restore_orders = RestoreOrders(client, settings.namespace, self._wakes.all)
        budget = Budget(settings.deletion_percent, settings.deletion_jobs)
        rulings = Rulings(operator, self._projects.find, self._jq, self._restore_orders.standing, budget)
        comparer = Comparer(clock, self._apps, discovery, self._live, claims, rulings)
        refusals = Refusals()
        publisher = Publisher(client, clock, self._apps, recorder, self.reporting.lanes)
        hook_runs = HookRuns(client, self._observed)
        parts = Parts(
            clock=clock,
            apps=self._apps,
            repositories=self._repositories,
            targets=self._targets,
            comparer=comparer,
            confirmer=Confirmer(
                self._targets,
                self._builds,
                families,
                LockedCharts(self._repositories, self._projects.find),
                discovery.find,
            ),
            deletion_hooks=DeletionHooks(
                clock,
                self._targets,
                comparer,
                hook_runs,
                publisher,
                discovery.find,
                self._projects.find,
            ),
            claims=claims,
            carrier=Carrier(
                clock=clock,
                comparer=comparer,
                applier=self._applier,
                hook_runs=hook_runs,
                refusals=refusals,
                publisher=publisher,
                operator_defaults=self._current_defaults,
                windows=self._windows,
                budget=RestartBudget(clock, settings.restart_budget, self._live.jobs),
            ),
            applier=self._applier,
            refusals=refusals,
            publisher=publisher,
            cluster=settings.cluster,
            operator_defaults=self._current_defaults,
            write_back=self.reporting.state,
            wake=self._wakes.one,
            find_project=self._projects.find,
        )
        syncer = Syncer(parts)
        self._passes = Loop("sync", self._queue, syncer.reconcile, workers=_PASSES, on_error=syncer.failed)
        polite = Lookups(clock, lookups, self._repositories.reconcile, settings.poll_seconds)
        self._lookups = Loop("repositories", lookups, polite.reconcile, workers=WORKERS, on_error=self._lookup_failed)
        self._schedule = Schedule()
        poll = functools.partial(polite.poll, REPOSITORY, self._repositories.urls)
        self._schedule.every(settings.poll_seconds, "poll", poll)
        self._lookup_errors: dict[str, str] = {}
        self._started = False

    def start(self) -> None:
        """Start caches first, then what reads them."""
        self._started = True
        self._credentials.start()
        self._restore_orders.start()
        self.reporting.start()
        self._builds.start()
        self._apps.start()
        self._lookups.start()
        self._passes.start()
        self._schedule.start()

    def wait_synced(self, timeout: float) -> bool:
        """Whether the apps were listed within `timeout` seconds."""
        parts = (self._apps, self._credentials, self._restore_orders, self.reporting)
        return all(part.wait_synced(timeout) for part in parts)

    def configure(self, defaults: Defaults) -> None:
        """Plan with other defaults of the operator half from the next pass on."""
        self._defaults = defaults
        self._wakes.all()

    def watch(self, namespaces: tuple[str, ...]) -> None:
        """Look at objects in these namespaces from now on (empty: all)."""
        self._live.watch(namespaces)
        self._wakes.all()

    def pushed(self, push: Push) -> None:
        """A push notification came: look at the repository now, if an app follows what was pushed."""
        log.info("told of a push to %s of %s", push.ref or "some ref", urls.without_credentials(push.urls[0]))

        def concerns(app: AppName, ref: str) -> bool:
            return refs.may_be(ref, push.ref) and self._targets.may_be_touched(app, push.changed)

        self._repositories.pushed(push.urls, concerns)

    def _windows(self, project: str) -> tuple[SyncWindow, ...]:
        return self._projects.find(project).sync_windows

    def _current_defaults(self) -> Defaults:
        return self._defaults

    @property
    def depth(self) -> int:
        """How many apps wait for a pass."""
        return self._queue.depth()

    @property
    def loops(self) -> dict[str, Loop]:
        """Its loops by name."""
        return {"sync": self._passes, "repositories": self._lookups}

    def apps(self) -> list[Object]:
        """All SyncApps as they are now."""
        return self._apps.items()

    def renders(self) -> int:
        """How many sources were read since the process began."""
        return layouts.RENDERS.count

    def newest(self, url: str, ref: str) -> str | None:
        """The commit a name of a repository in use meant last."""
        return self._repositories.newest(url, ref)

    def stop(self, timeout: float) -> None:
        """Stop what starts work, then the work, then what it reads; nothing where nothing was started."""
        if not self._started:
            return
        self._schedule.stop()
        self._lookups.stop(timeout)
        self._builds.stop(timeout)
        self._passes.stop(timeout)
        self._applier.close()
        self._jq.close()
        self.reporting.stop(timeout)
        self._apps.stop()
        self._live.stop()
        self._credentials.stop()
        self._restore_orders.stop()
        self._projects.stop()

    def _lookup_failed(self, key: Key, error: Exception) -> None:
        """Apps tell it in their status; the log has each new reason once."""
        unforeseen = None if isinstance(error, AgentError) else error
        if self._lookup_errors.get(key.name) != str(error):
            self._lookup_errors[key.name] = str(error)
            log.warning("%s: %s", urls.without_credentials(key.name), error, exc_info=unforeseen)

    def _observed(self, resource: Resource, answer: Object) -> None:
        """Apps that apps make are known at once."""
        self._live.observed(resource, answer)
        if resource == requests.SYNC_APPS and answer["metadata"].get("namespace") == self._settings.namespace:
            self._apps.observed(answer)
            # The watch tells nothing of what is known already.
            self._wakes.changed("MODIFIED", answer)

    def _check_lookup(self, name: AppName, url: str) -> None:
        """Generators of an app look into what its project allows."""
        obj = self._wakes.find(name)
        if obj is not None:
            permits.check_repository(url, self._projects.find(syncapps.parse(obj).spec.project))

    def _told(self, app: AppName, move: Move | None) -> None:
        """Wake an app, unless all there is to tell is a commit that changes nothing for it."""
        passed = move is not None and self._targets.passes_over(app, move)
        # An app that was not looked at since the commit before has to be, so that its wishes are known.
        if passed and move is not None and self._claims.passed_over(app, move.place, move.old, move.new.sha):
            return
        self._wakes.one(app)

    def _verify(self, app: SyncApp, mirror: Mirror, ref: str, sha: str) -> None:
        """Raise Stalled unless the commit `ref` leads to is signed as the app's project wants it."""
        keys = self._projects.find(app.spec.project).signature_keys
        if keys:
            allowed = tuple(key.key_id for key in keys)
            self._verifier.check(mirror, ref, sha, self._credentials.signers(), allowed)
