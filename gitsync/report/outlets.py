"""Where the records of an app go besides its status: the lanes that carry them out of the cluster.

One record of a pass, offered to each lane once it says something new. A lane takes it at once and does its work in
threads of its own; none of them has a say in whether an app is ready. Knows of each lane only this face of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gitsync.model.identities import AppName
from gitsync.model.records import Record
from gitsync.model.telling import Story


@dataclass(frozen=True, slots=True)
class Source:
    """Whose records they are: the app, its repository (URL), and what is known of both."""

    app: AppName
    url: str
    story: Story
    told_at: datetime | None = None
    """When what is told now was told before, by an agent that ran then; None: it is news."""


class Outlet(Protocol):
    """A lane that records leave by."""

    def tell(self, source: Source, records: Iterable[Record]) -> None:
        """Take records over; returns at once and never raises."""
        ...

    def removed(self, source: Source) -> None:
        """The app was deleted."""
        ...
