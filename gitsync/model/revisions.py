"""One commit of one repository, as everything after the fetch speaks of it.

Pure. Knows nothing of how a name such as a branch became a commit; `ref` only remembers the name
that was asked for.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """A resolved commit. `repo` is a URL without credentials, `time` the committer's (aware, UTC)."""

    repo: str
    ref: str
    sha: str
    time: datetime
    author: str
    subject: str

    @property
    def short(self) -> str:
        """The first seven digits, as Git and forges show them."""
        return self.sha[:7]
