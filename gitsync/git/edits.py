"""A commit that changes files of a branch, made on top of its newest commit and pushed without force.

Who asks says what the files become. A branch that moved meanwhile is told, so that the caller reads it again and
makes the change anew; nobody's commit is ever overwritten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.git import drafts, refs
from gitsync.git.mirrors import Mirror
from gitsync.model.revisions import Revision
from operator_core.errors import Reason, Retry, Stalled

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Words:
    """Who commits, when and why. `author` is `Name <address>`."""

    message: str
    author: str
    time: datetime


def made(mirror: Mirror, branch: str, tip: Revision, files: Mapping[str, str], words: Words) -> Revision:
    """The commit, in the mirror only."""
    draft = drafts.Draft(
        f"{refs.HEADS}{branch}", tip.sha, words.message, words.author, words.time.timestamp(), {}, dict(files)
    )
    sha = drafts.commit(mirror, (draft,))[draft.ref]
    return mirror.revision(sha, branch)


def pushed(mirror: Mirror, branch: str, make: Callable[[Revision], Revision | None], to: str = "") -> Revision | None:
    """Have `make` turn the newest commit of `branch` into another one and push it to `to` (the branch itself).

    None when there is nothing to change. Raises Stalled(PushForbidden), Retry where the branch moves all the time.
    """
    for _ in range(_TRIES):
        tip = mirror.resolve(branch)
        commit = make(tip)
        if commit is None:
            return None
        target = f"{refs.HEADS}{to or branch}"
        failed = drafts.push(mirror, {target: commit.sha})
        if not failed:
            return commit
        error = failed[target]
        if error is not None:
            raise error
        if to and to != branch:
            text = f"the branch {to} of {mirror.url} is there already and holds other commits; choose another name"
            raise Stalled(Reason.PushForbidden, text)
    raise Retry(Reason.RepositoryUnreachable, f"{branch} of {mirror.url} moved {_TRIES} times; try again")
