"""The ledger of one app on one cluster: its commits with all their records, and the snapshots they left.

Pure: a text in, a text out. One JSON file per app in the status branch; bounded, newest first, the
same for every writer that knows the same records, so that writers who meet can merge. A snapshot
stays longer than the commits around it and says which commit's state it holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.model import records
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.model.revisions import Revision
from operator_core.jsonvalues import Json, Object

VERSION = 1
MOST_COMMITS = 50
MOST_SNAPSHOTS = 200
_RAN = frozenset({Phase.RUNNING, Phase.STABLE})


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger, parsed: records newest first, and what is told of commits and snapshots (by id and location)."""

    cluster: str
    app: str
    records: tuple[Record, ...] = ()
    commits: Mapping[str, Object] | None = None
    snapshots: tuple[Object, ...] = ()
    removed: str = ""
    """When the app was deleted; empty while it is there."""
    is_foreign: bool = False
    """Whether a newer format is in the file, which is then left alone."""

    @property
    def latest(self) -> Record | None:
        """The record that says how the app is."""
        return records.latest(self.records)


def snapshot_of(ledger: Ledger, kind: str, namespace: str, name: str, revision: str | None = None) -> str:
    """The newest snapshot of a job, of those with the state of a commit (full id) where one is given; "": none."""
    for one in ledger.snapshots:
        same = (one.get("kind"), one.get("namespace"), one.get("name")) == (kind, namespace, name)
        if same and revision in (None, one.get("stateOf")):
            return str(one["location"])
    return ""


def jobs(ledger: Ledger) -> tuple[tuple[str, str, str], ...]:
    """Kind, namespace and name of every job that the ledger has a snapshot of."""
    found = {(str(one.get("kind")), str(one.get("namespace")), str(one.get("name"))) for one in ledger.snapshots}
    return tuple(sorted(found))


def parse(text: str, cluster: str, app: str) -> Ledger:
    """The ledger in a file; what is not one counts as empty."""
    empty = Ledger(cluster, app)
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return empty
    if not isinstance(value, dict):
        return empty
    version = value.get("v")
    if isinstance(version, int) and version > VERSION:
        return Ledger(cluster, app, is_foreign=True)
    commits = {str(one.get("revision", "")): one for one in _maps(value.get("commits"))}
    found = [
        record
        for one in commits.values()
        for item in _maps(one.get("records"))
        if (record := records.from_json(item)) is not None and (record.cluster, record.app) == (cluster, app)
    ]
    described = {sha: {key: one.get(key) for key in ("subject", "author", "committed")} for sha, one in commits.items()}
    snapshots = tuple(one for one in _maps(value.get("snapshots")) if one.get("location"))
    return Ledger(cluster, app, tuple(found), described, snapshots, str(value.get("removed") or ""))


def updated(text: str, news: Iterable[Record], described: Mapping[str, Revision]) -> str:
    """The file with the records of `news` (all of one app) added; unchanged when they are told already.

    `described` gives subject, author and time of commits by id, as far as they are known.
    """
    added = tuple(news)
    if not added:
        return text
    before = parse(text, added[0].cluster, added[0].app)
    if before.is_foreign:
        return text
    kept = list(before.records)
    for record in added:
        same = [one for one in kept if one.revision == record.revision]
        if records.is_news(record, same):
            kept = [one for one in kept if (one.revision, one.phase) != (record.revision, record.phase)] + [record]
    removed = before.removed if all(records.stamp(one.time) <= before.removed for one in added) else ""
    if kept == list(before.records) and removed == before.removed:
        return text
    commits = _commits(kept, before.commits or {}, described)
    content = {
        "v": VERSION,
        "cluster": before.cluster,
        "app": before.app,
        **({"removed": removed} if removed else {}),
        "commits": commits,
        "snapshots": _snapshots(kept, before.snapshots),
    }
    return _written(content)


def closed(text: str, when: datetime) -> str:
    """The file of an app that was deleted: what it has stays, for its snapshots outlive it."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict) or value.get("v") != VERSION:
        return text
    told = [str(one.get("since") or "") for one in _maps(value.get("commits"))]
    if value.get("removed") or max(told, default="") > records.stamp(when):
        return text
    rest = {key: item for key, item in value.items() if key not in ("v", "cluster", "app")}
    return _written(
        {**{key: value.get(key) for key in ("v", "cluster", "app")}, "removed": records.stamp(when), **rest}
    )


def _written(content: Object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _commits(kept: list[Record], known: Mapping[str, Object], described: Mapping[str, Revision]) -> list[Object]:
    by_sha: dict[str, list[Record]] = {}
    for record in sorted(kept, key=_age, reverse=True):
        by_sha.setdefault(record.revision, []).append(record)
    found = []
    written = {sha: _description(described.get(sha), known.get(sha, {}))["committed"] for sha in by_sha}
    # Commits of one second come in the order in which they were told of.
    told = dict.fromkeys([*reversed(list(known)), *(record.revision for record in kept)])
    place = {sha: position for position, sha in enumerate(told)}
    order = sorted(by_sha.items(), key=lambda one: (*_came(one[1][0], written[one[0]]), place[one[0]]), reverse=True)
    for sha, own in order[:MOST_COMMITS]:
        newest = own[0]
        found.append(
            {
                "revision": sha,
                **_description(described.get(sha), known.get(sha, {})),
                "phase": newest.phase.value,
                "since": records.stamp(newest.time),
                "records": [record.to_json() for record in own],
            }
        )
    return found


def _description(revision: Revision | None, known: Object) -> Object:
    if revision is None:
        return {key: str(known.get(key) or "") for key in ("subject", "author", "committed")}
    return {
        "subject": records.masked(revision.subject),
        "author": revision.author,
        "committed": records.stamp(revision.time),
    }


def _snapshots(kept: list[Record], known: tuple[Object, ...]) -> list[Object]:
    """Every savepoint a record names, newest first, with the commit whose state it holds."""
    found = {str(one["location"]): one for one in known}
    ran: dict[tuple[str, str, str], str] = {}
    for record in sorted(kept, key=_age):
        for job in record.jobs:
            key = (job.kind, job.namespace, job.name)
            if job.savepoint and job.savepoint not in found:
                # What a commit was upgraded with was made by the commit that ran before it.
                made_by = ran.get(key, "") if job.savepoint == job.restored_from else record.revision
                found[job.savepoint] = _snapshot(job, made_by, record)
        if record.phase in _RAN:
            ran.update({(job.kind, job.namespace, job.name): record.revision for job in record.jobs})
    newest_first = sorted(found.values(), key=lambda one: (str(one.get("time")), str(one["location"])), reverse=True)
    return newest_first[:MOST_SNAPSHOTS]


def _snapshot(job: JobRecord, made_by: str, record: Record) -> Object:
    return {
        "location": job.savepoint,
        "kind": job.kind,
        "namespace": job.namespace,
        "name": job.name,
        "stateOf": made_by,
        "time": records.stamp(record.time),
    }


def _age(record: Record) -> tuple[str, int, str]:
    return records.stamp(record.time), records.ORDER[record.phase], record.revision


def _came(newest: Record, written: str) -> tuple[str, bool, str]:
    """Orders commits by their newest records; the commit that overtook others comes after them."""
    return records.stamp(newest.time), newest.phase is not Phase.SUPERSEDED, written


def _maps(value: Json) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
