"""The records of an app as its repository has them in the notes of its commits, and who made these commits.

Fetched into the mirror that commands keep; no working copy is needed.
"""

from collections.abc import Iterable

from gitsync.git import drafts, statusbranch, trees
from gitsync.git.drafts import Followed
from gitsync.git.mirrors import Mirror
from gitsync.model import ledgers, records
from gitsync.model.ledgers import Ledger
from gitsync.model.records import Record
from gitsync.model.revisions import Revision
from operator_core.errors import AgentError, Reason, Stalled

_NOTES = "refs/notes/gitsync/"


def fetch(mirror: Mirror) -> tuple[str, ...]:
    """Bring commits and the notes of all clusters here; the clusters' names. Raises Retry(RepositoryUnreachable)."""
    mirror.refresh()
    drafts.fetch(mirror, (Followed(_NOTES, _NOTES), statusbranch.everything()))
    listed = mirror.local("for-each-ref", "--format=%(refname)", _NOTES).decode().split()
    return tuple(sorted(name.removeprefix(_NOTES) for name in listed))


def cluster_of(known: tuple[str, ...], wanted: str | None) -> str | None:
    """The cluster to show: the one that is asked for, or the only one there is. Raises Stalled where several are."""
    if wanted is not None:
        return wanted
    if len(known) > 1:
        text = f"the repository has records of several clusters ({', '.join(known)}); choose one with --cluster"
        raise Stalled(Reason.ValidationError, text)
    return known[0] if known else None


def of_app(mirror: Mirror, cluster: str, app: str) -> list[Record]:
    """Every record of the app that was fetched."""
    return [one for one in _records(mirror, cluster) if one.app == app]


def _records(mirror: Mirror, cluster: str) -> list[Record]:
    listed = mirror.local("notes", f"--ref={_NOTES}{cluster}", "list", quiet=True).decode().splitlines()
    blobs = [line.partition(" ")[0] for line in listed]
    texts = (content.decode("utf-8", "replace") for content in trees.read(mirror, blobs).values())
    return [one for text in texts for one in records.parse_lines(text) if one.cluster == cluster]


def commits(mirror: Mirror, revisions: Iterable[str]) -> dict[str, Revision]:
    """Time, author and subject of the commits that the mirror has."""
    found: dict[str, Revision] = {}
    for sha in revisions:
        try:
            if mirror.has_commit(sha):
                found[sha] = mirror.revision(sha, sha)
        except AgentError:
            continue  # A commit that is gone from the repository has still been deployed.
    return found


def ledger(mirror: Mirror, cluster: str, app: str) -> Ledger:
    """The ledger of an app from the status branch and the notes, as far as they were fetched with `fetch`."""
    text = statusbranch.ledger_text(mirror, cluster, app)
    known = ledgers.updated(text, of_app(mirror, cluster, app), {})
    return ledgers.parse(known, cluster, app)


def apps_of(mirror: Mirror, cluster: str) -> tuple[str, ...]:
    """Every app that has records or a ledger of the cluster."""
    told = {one.app for one in _records(mirror, cluster)}
    return tuple(sorted(told | set(statusbranch.apps(mirror, cluster))))
