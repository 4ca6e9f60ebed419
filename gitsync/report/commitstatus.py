"""Sets commit statuses: what a record says, shown beside the commit in the repository's forge.

An outlet like the notes, and as unable to hold anything up. Only repositories for whose forge there is a Secret
are told; of an app and a commit only the newest word is sent.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from gitsync.model import commitstatuses
from gitsync.model.records import Record
from gitsync.report import forges
from gitsync.report.deliveries import Answer, Delivery, HttpRequest, Lane, Verdict
from gitsync.report.forges import Forge
from gitsync.report.outlets import Source
from operator_core.runtime.clock import Clock

AGAIN = timedelta(minutes=10)
"""Told before a restart: told again only when it may have been lost with it."""


class CommitStatuses:
    """Offers records to forges."""

    def __init__(self, lane: Lane, clock: Clock, find: Callable[[str], Forge | None]) -> None:
        """`find` gives the forge of a repository (URL) as it is now."""
        self._lane = lane
        self._clock = clock
        self._find = find

    def tell(self, source: Source, records: Iterable[Record]) -> None:
        """Have the newest record of each commit shown."""
        forge = self._find(source.url)
        if forge is None or not source.story.commit_status:
            return
        host = urlsplit(forge.api).netloc
        for record in records:
            if source.told_at is not None and self._clock.now() - source.told_at > AGAIN:
                continue
            self._lane.submit(host, self._delivery(source.url, record))

    def removed(self, source: Source) -> None:
        """What was said of its commits stays true."""

    def problem(self, url: str) -> str | None:
        """Why the statuses of a repository are not set; empty when they are, None when none were tried."""
        return self._lane.problem(url)

    def _delivery(self, url: str, record: Record) -> Delivery:
        status = commitstatuses.of_record(record)

        def make() -> HttpRequest | None:
            forge = self._find(url)
            return forges.request(forge, url, status) if forge is not None else None

        def judge(answer: Answer) -> Verdict:
            forge = self._find(url)
            return forges.judge(forge or Forge("gitea", url, ""), answer)

        says = f"{status.state} {status.description}"
        return Delivery((url, status.sha, status.context), url, says, make, judge)
