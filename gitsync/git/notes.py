"""Records on commits: Git notes in `refs/notes/gitsync/<cluster>`, shared by any number of writers.

Fetch, merge by line, push without force; whoever loses the race does it again on what the winner
wrote. Notes touch no branch, so no push of ours can trigger a sync. Which records are due is
decided elsewhere. Source of the protocol: git-notes(1), git-fast-import(1) "notemodify".
"""

import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from gitsync.git import failures, mirrors, trees
from gitsync.model import records
from gitsync.model.records import Record
from operator_core.errors import Reason, Retry, Stalled

PUSH_TIMEOUT = 30.0
_ATTEMPTS = 8
# Only keeps the new commit reachable until it is pushed by its id, so several processes may share it.
_DRAFT = "refs/gitsync/draft"
_LONGEST_PAUSE = 1.0
_CLUSTER = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
# A local repository's own hooks would run with the agent's rights, whatever its configuration says.
_RECEIVE_WITHOUT_HOOKS = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack"


def ref_of(cluster: str) -> str:
    """The notes ref of a cluster; raises Stalled(ValidationError) for a name no ref can hold."""
    if not _CLUSTER.fullmatch(cluster) or ".." in cluster or cluster.endswith(".lock"):
        raise Stalled(
            Reason.ValidationError,
            f"the cluster name {cluster!r} cannot be part of a Git ref: use letters, digits, '-', '_' and '.'",
        )
    return f"refs/notes/gitsync/{cluster}"


def read(mirror: mirrors.Mirror, cluster: str, sha: str) -> tuple[Record, ...]:
    """The records on a commit as the repository has them now; raises Retry(RepositoryUnreachable)."""
    ref = ref_of(cluster)
    _fetch(mirror, ref)
    return records.parse_lines(_texts(mirror, ref, [sha])[sha])


def write(
    mirror: mirrors.Mirror,
    cluster: str,
    news: Iterable[Record],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Add records to the commits they are about; False when all of it was told already.

    Raises Stalled(PushForbidden) when the server does not let us, and Retry when it cannot be
    reached or other writers were faster every time.
    """
    ref = ref_of(cluster)
    by_sha: dict[str, list[Record]] = defaultdict(list)
    for record in news:
        by_sha[record.revision].append(record)
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 0.05 * 2**attempt))
        _fetch(mirror, ref)
        present = _texts(mirror, ref, by_sha)
        wanted = {sha: records.added(present[sha], by_sha[sha]) for sha in by_sha}
        changed = {sha: text for sha, text in wanted.items() if text != present[sha] and mirror.has_commit(sha)}
        if not changed:
            return False
        newest = max(record.time for one in by_sha.values() for record in one)
        commit = _commit(mirror, ref, cluster, changed, newest.timestamp())
        if _push(mirror, commit, ref):
            return True
    raise Retry(Reason.RepositoryUnreachable, f"could not push {ref} to {mirror.url}: other writers were always faster")


def _fetch(mirror: mirrors.Mirror, ref: str) -> None:
    """Bring the ref here as it is there, also when it is not there any more."""
    if not mirror.directory.exists():
        mirror.refresh()
    # The star makes a ref that does not exist no error; whatever else it matches does no harm.
    refspec = f"+{ref}*:{ref}*"
    options = (*mirrors.FETCH_OPTIONS, "--prune")
    output = mirror.exchange("fetch", *options, "--", mirror.url, refspec, timeout=PUSH_TIMEOUT)
    if output.status:
        raise failures.unreachable(mirror.url, output.stderr)


def _texts(mirror: mirrors.Mirror, ref: str, shas: Iterable[str]) -> Mapping[str, str]:
    """The note on each commit; empty where there is none."""
    blobs = {sha: mirror.local("notes", f"--ref={ref}", "list", sha, quiet=True).decode().strip() for sha in shas}
    contents = trees.read(mirror, [blob for blob in blobs.values() if blob])
    return {sha: contents[blob].decode("utf-8", "replace") if blob else "" for sha, blob in blobs.items()}


def _commit(mirror: mirrors.Mirror, ref: str, cluster: str, texts: Mapping[str, str], timestamp: float) -> str:
    """Put the notes on top of what was fetched, all in one commit; its id."""
    tip = mirror.local("rev-parse", "--verify", "--quiet", ref, quiet=True).decode().strip()
    message = f"Record {len(texts)} commit{'s' if len(texts) > 1 else ''} on {cluster}"
    stream = [
        f"commit {_DRAFT}\nmark :1\n",
        f"committer gitsync <gitsync@{cluster}.invalid> {int(timestamp)} +0000\n",
        _data(message),
        f"from {tip}\n" if tip else "",
    ]
    for sha, text in sorted(texts.items()):
        stream += [f"N inline {sha}\n", _data(text)]
    stream.append("\nget-mark :1\ndone\n")
    output = mirror.exchange("fast-import", "--quiet", "--force", "--done", stdin="".join(stream).encode())
    if output.status:
        raise Retry(Reason.InternalError, f"cannot write notes for {mirror.url}: {failures.first_line(output.stderr)}")
    return output.stdout.decode().strip()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _push(mirror: mirrors.Mirror, commit: str, ref: str) -> bool:
    """Make `ref` there point at `commit`; False when another writer was faster."""
    local = (_RECEIVE_WITHOUT_HOOKS,) if mirror.remote.protocol == "file" else ()
    arguments = ("push", "--porcelain", "--no-verify", *local, "--", mirror.url, f"{commit}:{ref}")
    output = mirror.exchange(*arguments, timeout=PUSH_TIMEOUT)
    if output.status == 0:
        return True
    status = _rejection(output.stdout.decode("utf-8", "replace"))
    if status and failures.is_race(status, output.stderr):
        return False
    raise failures.push_refused(mirror.url, ref, output.stderr, status)


def _rejection(porcelain: str) -> str:
    """The reason in the line of a rejected ref, for instance `[remote rejected] (hook declined)`."""
    for line in porcelain.splitlines():
        flag, _, rest = line.partition("\t")
        if flag == "!":
            return rest.partition("\t")[2].strip() or "rejected"
    return ""
