"""Commits the agent makes in a mirror, and pushing them without ever forcing.

Knows fast-import and push, for any ref; what is in the commits is decided by who asks. All commits
of one round are made by one process and pushed by another. A ref that another writer moved is told,
not overwritten. Sources: git-fast-import(1), git-push(1) "--porcelain".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gitsync.git import failures, mirrors
from operator_core.errors import AgentError, Reason, Retry

PUSH_TIMEOUT = 30.0
# Only keep the new commits reachable until they are pushed by their ids, so several processes may share them.
_DRAFT = "refs/gitsync/draft"
# A local repository's own hooks would run with the agent's rights, whatever its configuration says.
_RECEIVE_WITHOUT_HOOKS = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack"


@dataclass(frozen=True, slots=True)
class Followed:
    """A ref of the repository and where the mirror keeps what was fetched of it."""

    there: str
    here: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to make on top of `tip` ("": a first one): notes by commit, files by path (None: without the file)."""

    ref: str
    tip: str
    message: str
    author: str
    timestamp: float
    notes: Mapping[str, str]
    files: Mapping[str, str | None]


def fetch(mirror: mirrors.Mirror, refs: tuple[Followed, ...]) -> None:
    """Bring refs here as they are there, also when they are not there any more; raises Retry."""
    if not mirror.directory.exists():
        mirror.refresh()
        mirror.create()  # A repository without any commit leaves none behind.
    # The star makes a ref that does not exist no error; whatever else it matches does no harm.
    refspecs = [f"+{ref.there}*:{ref.here}*" for ref in refs]
    options = (*mirrors.FETCH_OPTIONS, "--prune")
    output = mirror.exchange("fetch", *options, "--", mirror.url, *refspecs, timeout=PUSH_TIMEOUT)
    if output.status:
        raise failures.unreachable(mirror.url, output.stderr)


def tip(mirror: mirrors.Mirror, ref: str) -> str:
    """The commit a ref of the mirror points at, "" where there is none."""
    return mirror.local("rev-parse", "--verify", "--quiet", ref, quiet=True).decode().strip()


def commit(mirror: mirrors.Mirror, drafts: tuple[Draft, ...]) -> Mapping[str, str]:
    """Make the commits; their ids by ref."""
    stream = "".join(_stream(number, draft) for number, draft in enumerate(drafts, start=1))
    stream += "".join(f"get-mark :{number}\n" for number in range(1, len(drafts) + 1)) + "done\n"
    output = mirror.exchange("fast-import", "--quiet", "--force", "--done", stdin=stream.encode())
    if output.status:
        raise Retry(Reason.InternalError, f"cannot write for {mirror.url}: {failures.first_line(output.stderr)}")
    return dict(zip((draft.ref for draft in drafts), output.stdout.decode().split(), strict=True))


def push(mirror: mirrors.Mirror, commits: Mapping[str, str]) -> Mapping[str, AgentError | None]:
    """Make refs there point at commits; of each that does not, why: None when another writer was faster.

    A server's hook that declines a push declines all of it, so each ref is tried by itself then. Raises Retry or
    Stalled when nothing could be pushed at all.
    """
    local = (_RECEIVE_WITHOUT_HOOKS,) if mirror.remote.protocol == "file" else ()
    wanted = [f"{sha}:{ref}" for ref, sha in commits.items()]
    output = mirror.exchange(
        "push", "--porcelain", "--no-verify", *local, "--", mirror.url, *wanted, timeout=PUSH_TIMEOUT
    )
    if output.status == 0:
        return {}
    rejected = _rejections(output.stdout.decode("utf-8", "replace"))
    if not rejected:
        raise failures.push_refused(mirror.url, " and ".join(commits), output.stderr)
    if len(commits) > 1 and all(failures.is_declined(reason) for reason in rejected.values()):
        alone = [push(mirror, {ref: sha}) for ref, sha in commits.items()]
        return {ref: error for one in alone for ref, error in one.items()}
    return {
        ref: None
        if failures.is_race(reason, output.stderr)
        else failures.push_refused(mirror.url, ref, output.stderr, reason)
        for ref, reason in rejected.items()
    }


def _stream(number: int, draft: Draft) -> str:
    lines = [
        f"commit {_DRAFT}-{number}\nmark :{number}\n",
        f"committer {draft.author} {int(draft.timestamp)} +0000\n",
        _data(draft.message),
        f"from {draft.tip}\n" if draft.tip else "",
    ]
    for sha, text in sorted(draft.notes.items()):
        lines += [f"N inline {sha}\n", _data(text)]
    for path, content in sorted(draft.files.items(), key=lambda one: one[0]):
        lines += [f"D {path}\n"] if content is None else [f"M 100644 inline {path}\n", _data(content)]
    return "".join(lines) + "\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _rejections(porcelain: str) -> dict[str, str]:
    """The reasons in the lines of rejected refs by ref, for instance `[remote rejected] (hook declined)`."""
    found = {}
    for line in porcelain.splitlines():
        flag, _, rest = line.partition("\t")
        if flag == "!":
            names, _, reason = rest.partition("\t")
            found[names.rpartition(":")[2]] = reason.strip() or "rejected"
    return found
