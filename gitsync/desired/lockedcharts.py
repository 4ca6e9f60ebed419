"""Charts that the lock of another chart names, brought by the lane that looks everything up.

A pass never waits for a download: it asks for the chart, ends, and is woken when it is here. A project has to allow
the repository of every one.
"""

import contextlib
from collections.abc import Callable, Iterator

from gitsync.desired.fetching import Place, Repositories
from gitsync.git.mirrors import Mirror
from gitsync.model import chartnames
from gitsync.model.identities import AppName
from gitsync.model.projects import Project
from gitsync.model.revisions import Revision
from gitsync.render.lookups import Find
from gitsync.rights import permits

NEWEST = "charts"
LAST_GOOD = "charts of the last good revision"
CONFIRMING = "charts of a second render"
"""Why charts are looked up; each has its own, so that one never takes the other's away."""


class LockedCharts:
    """Finds them. Safe to share between threads."""

    def __init__(self, repositories: Repositories, find_project: Callable[[str], Project]) -> None:
        self._repositories = repositories
        self._find_project = find_project

    @contextlib.contextmanager
    def finding(self, name: AppName, project: str, role: str) -> Iterator[Find]:
        """How an app finds them, in its `role`; what was asked for is followed afterwards.

        Finding raises Pending for one that is not here yet, and Stalled.
        """
        asked: list[Place] = []

        def find(url: str, ref: str) -> tuple[Mirror, Revision]:
            permits.check_repository(chartnames.split(url)[0], self._find_project(project))
            asked.append((url, ref))
            return self._repositories.find(url, ref)

        try:
            yield find
        finally:
            if asked:
                self._repositories.follow(name, asked, role=role)
