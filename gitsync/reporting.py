"""Everything that leaves the cluster, wired: records to repositories and forges, notices to people.

Owns the lanes and the Secrets they use. A pass hands over and goes on; what does not get through is in the condition
`WriteBack` and in the log, and never decides whether an app is ready.
"""

from collections.abc import Callable, Iterable, Mapping

from gitsync.desired.fetching import Repositories
from gitsync.git import urls
from gitsync.git.writeback import WriteBack
from gitsync.integrations import Integrations
from gitsync.model.identities import AppName
from gitsync.model.records import Record
from gitsync.report import chats, findings, forges
from gitsync.report.commitstatus import CommitStatuses
from gitsync.report.deliveries import Lane
from gitsync.report.forges import Forge
from gitsync.report.keeping import Keeper
from gitsync.report.notifying import Notifier
from gitsync.report.outlets import Source
from gitsync.report.publishing import Lanes
from gitsync.settings import Settings
from operator_core.kube.client import Client
from operator_core.runtime.clock import Clock


class Reporting:
    """The lanes by which the sync half tells others."""

    def __init__(
        self,
        settings: Settings,
        client: Client,
        clock: Clock,
        repositories: Repositories,
        wake: Callable[[AppName], None],
    ) -> None:
        self._cluster = settings.cluster
        self._repositories = repositories
        self._wake = wake
        self._integrations = Integrations(client, settings)
        self._write_back = WriteBack(clock, self._changed, status_branch=settings.status_branch)
        self._statuses_lane = Lane("commit-statuses", clock, self._changed)
        self._notices_lane = Lane("notifications", clock)
        self._statuses = CommitStatuses(self._statuses_lane, clock, self._forge)
        self._keeper = Keeper(client, clock)
        self._notifier = Notifier(self._notices_lane, self._listeners)

    @property
    def lanes(self) -> Lanes:
        """What passes hand over to."""
        outlets = (self, self._statuses, self._keeper) if self._cluster is not None else ()
        return Lanes(outlets, self._notifier.announce)

    @property
    def depths(self) -> Mapping[str, int]:
        """How many deliveries wait, by lane."""
        return {"commit-statuses": self._statuses_lane.depth, "notifications": self._notices_lane.depth}

    def start(self) -> None:
        """Begin to tell."""
        self._integrations.start()
        for lane in (self._write_back, self._statuses_lane, self._notices_lane, self._keeper):
            lane.start()

    def wait_synced(self, timeout: float) -> bool:
        """Whether it is known within `timeout` seconds who is to be told."""
        return self._integrations.wait_synced(timeout)

    def stop(self, timeout: float) -> None:
        """Tell what can be told at once, and end."""
        for lane in (self._write_back, self._statuses_lane, self._notices_lane, self._keeper):
            lane.stop(timeout)
        self._integrations.stop()

    def tell(self, source: Source, records: Iterable[Record]) -> None:
        """Have records written to their repository."""
        if self._cluster is not None:
            mirror = self._repositories.mirror(source.url)
            self._write_back.submit(mirror, self._cluster, records, {source.app.name: source.story})

    def removed(self, source: Source) -> None:
        """Have it told that an app was deleted."""
        if self._cluster is not None:
            self._write_back.remove(self._repositories.mirror(source.url), self._cluster, source.app.name)

    def state(self, url: str) -> findings.WriteBack | None:
        """The condition for apps of a repository; None while nothing was tried."""
        state = self._write_back.state(urls.canonical(url))
        if self._cluster is None or state.status == "Unknown":
            return None
        written = findings.WriteBack(state.status == "True", state.reason, state.message)
        return findings.with_statuses(written, self._statuses.problem(url))

    def _forge(self, url: str) -> Forge | None:
        return forges.choose(url, (fields for _, fields in self._integrations.of(forges.SECRET_TYPE)))

    def _listeners(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        return self._integrations.of(chats.SECRET_TYPE)

    def _changed(self, url: str) -> None:
        """Telling a repository or its forge began to work, or to fail: its apps say so."""
        for app in self._repositories.apps_of(urls.canonical(url)):
            self._wake(app)
