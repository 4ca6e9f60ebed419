"""The README of a status branch: one table that says how every app of a cluster is.

Pure. Rows of apps that nothing is new of stay as they are, so that writing costs what changed; the
text follows from the ledgers alone, so that writers who know the same write the same. Whatever a
commit or a message says is escaped: it must not become markup.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from gitsync.model import records
from gitsync.model.ledgers import Ledger
from gitsync.model.records import Phase, Record

_MARKS = {
    Phase.PENDING: "⏳ pending",
    Phase.APPLIED: "🔄 applied",
    Phase.RUNNING: "🟢 running",
    Phase.STABLE: "✅ stable",
    Phase.FAILED: "❌ failed",
    Phase.SUPERSEDED: "⏭️ superseded",
}
_REMOVED = "🗑️ removed"
_HEAD = "| App | State | Commit | Since (UTC) | What |\n|---|---|---|---|---|\n"
_ROW = re.compile(r"^\| \[(?P<app>[^\]]+)\]\([^)]*\) \| (?P<state>[^|]*) \|.*\|$", re.MULTILINE)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~!&@$])")
_LONGEST = 140
_SCP = re.compile(r"(?:ssh://)?[\w.-]+@(?P<host>[\w.-]+)(?::\d+/|[:/])(?P<path>[^:]+)")


def file_of(app: str) -> str:
    """Where in the branch the ledger of an app is."""
    return f"apps/{quote(app, safe='')}.json"


def app_of(file: str) -> str:
    """The app whose ledger a file of the branch is, "" for another file."""
    match = re.fullmatch(r"apps/([^/]+)\.json", file)
    return unquote(match[1]) if match else ""


def rows(text: str) -> dict[str, str]:
    """The rows of a README of this form by app; none when it has another."""
    return {match["app"]: match[0] for match in _ROW.finditer(text)} if _HEAD in text else {}


def readme(cluster: str, known: Mapping[str, str], changed: Iterable[Ledger], repository: str) -> str:
    """The page. `known` are the rows to keep; `repository` is its URL, for links to commits."""
    kept = dict(known)
    for ledger in changed:
        latest = ledger.latest
        if latest is not None:
            kept[ledger.app] = _row(ledger, latest, repository)
    table = "".join(f"{kept[app]}\n" for app in sorted(kept))
    return (
        f"# {cluster}\n\n{_summary(list(kept.values()))}\n\n{_HEAD}{table}\n"
        f"Written by gitsync on the cluster `{cluster}`; do not edit. Every commit has its records as a Git note:\n\n"
        f"    git fetch origin 'refs/notes/gitsync/*:refs/notes/gitsync/*'\n"
        f"    git log --notes=gitsync/{cluster}\n"
    )


def _summary(table: list[str]) -> str:
    states = [match["state"] for row in table if (match := _ROW.match(row))]
    counts = [(states.count(mark), mark) for mark in (*_MARKS.values(), _REMOVED) if mark in states]
    apps = "1 app" if len(states) == 1 else f"{len(states)} apps"
    return f"{apps}: " + ", ".join(f"{count} {mark}" for count, mark in counts)


def _row(ledger: Ledger, latest: Record, repository: str) -> str:
    subject = str((ledger.commits or {}).get(latest.revision, {}).get("subject") or "")
    commit = f"`{latest.revision[:7]}`"
    link = commit_link(repository, latest.revision)
    shown = f"[{commit}]({link})" if link else commit
    cells = (
        f"[{_escaped(ledger.app)}]({file_of(ledger.app)})",
        _REMOVED if ledger.removed else _MARKS[latest.phase],
        f"{shown} {_escaped(subject)}".strip(),
        (ledger.removed or records.stamp(latest.time))[:16].replace("T", " "),
        "" if ledger.removed else _escaped(_what(latest)),
    )
    return f"| {' | '.join(cells)} |"


def _what(latest: Record) -> str:
    """Why it failed or waits, else what happened to the jobs."""
    if latest.phase in (Phase.FAILED, Phase.PENDING):
        return f"{latest.reason}: {records.masked(latest.message)}" if latest.message else latest.reason
    jobs = [f"{job.name}: {job.effect}" if job.effect else job.name for job in latest.jobs]
    return ", ".join(jobs[:3]) + (f" and {len(jobs) - 3} more" if len(jobs) > 3 else "")


def commit_link(repository: str, sha: str) -> str:
    """The page of a commit, as most forges have it; empty for a repository that is no web address."""
    scp = _SCP.fullmatch(repository)
    url = f"https://{scp['host']}/{scp['path']}" if scp else repository
    if not re.fullmatch(r"https?://[\w.:-]+/[\w./~%+-]+", url):
        return ""
    return f"{url.removesuffix('/').removesuffix('.git')}/commit/{sha}"


def _escaped(text: str) -> str:
    line = " ".join(text.split())
    short = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return _MARKUP.sub(r"\\\1", short)
