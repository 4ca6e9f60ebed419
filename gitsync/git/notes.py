"""Records on commits: Git notes in `refs/notes/gitsync/<cluster>`, shared by any number of writers.

Says what is on a commit and what it should become; fetching, committing and pushing are done by
`pushes`. Notes touch no branch, so no push of theirs can trigger a sync. Source: git-notes(1).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gitsync.git import drafts, mirrors, trees
from gitsync.model import records
from gitsync.model.records import Record
from operator_core.errors import Reason, Stalled

_CLUSTER = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_FEW = 4
"""Commits that are asked for one by one; for more, all notes are listed once."""
_RECENT = 64
"""Commits of the notes ref in which the last record of an app is looked for."""


def ref_of(cluster: str) -> str:
    """The notes ref of a cluster; raises Stalled(ValidationError) for a name no ref can hold."""
    return f"refs/notes/gitsync/{checked(cluster)}"


def checked(cluster: str) -> str:
    """The cluster's name, fit for a ref; raises Stalled(ValidationError)."""
    if not _CLUSTER.fullmatch(cluster) or ".." in cluster or cluster.endswith(".lock"):
        raise Stalled(
            Reason.ValidationError,
            f"the cluster name {cluster!r} cannot be part of a Git ref: use letters, digits, '-', '_' and '.'",
        )
    return cluster


def followed(cluster: str) -> drafts.Followed:
    """The ref, which the mirror keeps under its own name."""
    return drafts.Followed(ref_of(cluster), ref_of(cluster))


def read(mirror: mirrors.Mirror, cluster: str, sha: str) -> tuple[Record, ...]:
    """The records on a commit as the repository has them now; raises Retry(RepositoryUnreachable)."""
    drafts.fetch(mirror, (followed(cluster),))
    return records.parse_lines(_texts(mirror, ref_of(cluster), [sha])[sha])


def last_told(mirror: mirrors.Mirror, cluster: str, apps: Iterable[str]) -> dict[str, Record]:
    """The latest record of each app in the notes written lately, of those that were fetched."""
    ref = ref_of(cluster)
    options = ("-n", str(_RECENT), "--name-only", "--format=", "--no-renames")
    touched = mirror.local("log", *options, ref, "--", quiet=True).decode().split()
    shas = dict.fromkeys(name.replace("/", "") for name in touched)
    wanted = set(apps)
    found: dict[str, list[Record]] = defaultdict(list)
    for text in _texts(mirror, ref, shas).values():
        for record in records.parse_lines(text):
            if record.cluster == cluster and record.app in wanted:
                found[record.app].append(record)
    return {app: latest for app, own in found.items() if (latest := records.latest(own)) is not None}


def untold(mirror: mirrors.Mirror, cluster: str, app: str, shas: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the commits that have no record of the app, as far as was fetched."""
    texts = _texts(mirror, ref_of(cluster), shas)
    told = {sha for sha in shas if any(r.app == app and r.cluster == cluster for r in records.parse_lines(texts[sha]))}
    return tuple(sha for sha in shas if sha not in told)


def drafted(mirror: mirrors.Mirror, cluster: str, news: Iterable[Record]) -> drafts.Draft | None:
    """The commit that adds `news` to what was fetched; None when all of it is told, or its commits are gone."""
    ref = ref_of(cluster)
    by_sha: dict[str, list[Record]] = defaultdict(list)
    for record in news:
        by_sha[record.revision].append(record)
    present = _texts(mirror, ref, by_sha)
    wanted = {sha: records.added(present[sha], by_sha[sha]) for sha in by_sha}
    changed = {sha: text for sha, text in wanted.items() if text != present[sha] and mirror.has_commit(sha)}
    if not changed:
        return None
    newest = max(record.time for one in by_sha.values() for record in one)
    message = f"Record {len(changed)} commit{'s' if len(changed) > 1 else ''} on {cluster}"
    author = author_of(cluster)
    return drafts.Draft(ref, drafts.tip(mirror, ref), message, author, newest.timestamp(), changed, {})


def author_of(cluster: str) -> str:
    """Who commits, as Git writes it."""
    return f"gitsync <gitsync@{cluster}.invalid>"


def _texts(mirror: mirrors.Mirror, ref: str, shas: Iterable[str]) -> Mapping[str, str]:
    """The note on each commit; empty where there is none."""
    wanted = list(shas)
    if len(wanted) > _FEW:
        blobs = _all(mirror, ref)
    else:
        blobs = {sha: mirror.local("notes", f"--ref={ref}", "list", sha, quiet=True).decode().strip() for sha in wanted}
    contents = trees.read(mirror, [blob for sha in wanted if (blob := blobs.get(sha))])
    return {sha: contents[blob].decode("utf-8", "replace") if (blob := blobs.get(sha)) else "" for sha in wanted}


def _all(mirror: mirrors.Mirror, ref: str) -> dict[str, str]:
    """The blob of every note by commit."""
    listed = mirror.local("notes", f"--ref={ref}", "list", quiet=True).decode().splitlines()
    return {sha: blob for blob, _, sha in (line.partition(" ") for line in listed)}
