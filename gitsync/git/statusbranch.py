"""The branch `gitsync/status/<cluster>`: a page for people and one ledger per app for programs.

Says what the branch should become; fetching, committing and pushing are done by `pushes`. The branch
has a history of its own, shares no commit with what people write, and is neither fetched with their
branches nor ever followed. Files of apps that others write, and anything people put there, stay.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.git import drafts, mirrors, notes, refs, trees
from gitsync.model import ledgers, statuspages
from gitsync.model.records import Record
from gitsync.model.revisions import Revision
from operator_core.errors import AgentError, Reason, Stalled

README = "README.md"


def ref_of(cluster: str) -> str:
    """The branch of a cluster in full; raises Stalled(ValidationError) for a name no ref can hold."""
    return f"{refs.OWN_BRANCHES}{notes.checked(cluster)}"


def followed(cluster: str) -> drafts.Followed:
    """The branch, kept beside the branches of people, which a fetch of those would prune."""
    return drafts.Followed(ref_of(cluster), f"refs/gitsync/status/{notes.checked(cluster)}")


def everything() -> drafts.Followed:
    """The branches of all clusters, for whoever reads them."""
    return drafts.Followed(refs.OWN_BRANCHES, "refs/gitsync/status/")


def ledger_text(mirror: mirrors.Mirror, cluster: str, app: str) -> str:
    """The ledger of an app as it was fetched; empty where there is none."""
    file = statuspages.file_of(app)
    return _texts(mirror, drafts.tip(mirror, followed(cluster).here), [file]).get(file, "")


def apps(mirror: mirrors.Mirror, cluster: str) -> tuple[str, ...]:
    """The apps that have a ledger, of those that were fetched."""
    files = _blobs(mirror, drafts.tip(mirror, followed(cluster).here))
    return tuple(app for file in files if (app := statuspages.app_of(file)))


def last_told(mirror: mirrors.Mirror, cluster: str, apps: Iterable[str]) -> dict[str, Record]:
    """The latest record of each app in its ledger, of those that were fetched."""
    wanted = {statuspages.file_of(app): app for app in apps}
    texts = _texts(mirror, drafts.tip(mirror, followed(cluster).here), wanted)
    found = {app: ledgers.parse(texts.get(file, ""), cluster, app) for file, app in wanted.items()}
    return {app: one.latest for app, one in found.items() if one.latest is not None}


def removed(mirror: mirrors.Mirror, cluster: str, apps: Iterable[str]) -> frozenset[str]:
    """Those of the apps whose pages say that they were deleted, of those that were fetched."""
    wanted = {statuspages.file_of(app): app for app in apps}
    texts = _texts(mirror, drafts.tip(mirror, followed(cluster).here), wanted)
    return frozenset(app for file, app in wanted.items() if ledgers.parse(texts.get(file, ""), cluster, app).removed)


@dataclass(frozen=True, slots=True)
class News:
    """What is new for a branch."""

    records: tuple[Record, ...]
    removed: Mapping[str, datetime]
    """Apps that were deleted, and when."""
    left_out: frozenset[str]
    """Apps that are to have no page."""


def drafted(mirror: mirrors.Mirror, cluster: str, news: News) -> drafts.Draft | None:
    """The commit that adds `news` to what was fetched; None when all of it is told."""
    by_app: dict[str, list[Record]] = defaultdict(list)
    for record in news.records:
        if record.app not in news.left_out:
            by_app[record.app].append(record)
    tip = drafts.tip(mirror, followed(cluster).here)
    blobs = _blobs(mirror, tip)
    texts = _texts(mirror, tip, [README, *(statuspages.file_of(app) for app in (*by_app, *news.removed))])
    changed: dict[str, str] = {}
    for app in dict.fromkeys((*by_app, *news.removed)):
        before = texts.get(statuspages.file_of(app), "")
        own = by_app.get(app, [])
        text = ledgers.updated(before, own, _described(mirror, own))
        text = ledgers.closed(text, news.removed[app]) if app in news.removed else text
        if text != before:
            changed[app] = text
    gone = [file for app in sorted(news.left_out) if (file := statuspages.file_of(app)) in blobs]
    if not (changed or gone):
        return None
    files: dict[str, str | None] = {statuspages.file_of(app): text for app, text in changed.items()}
    staying = {file: blob for file, blob in blobs.items() if file not in gone}
    page = _page(mirror, cluster, tip, staying, texts.get(README, ""), changed)
    newest = max((*(one.time for one in news.records), *news.removed.values()), default=None)
    return drafts.Draft(
        ref_of(cluster),
        tip,
        _message(by_app, changed, gone),
        notes.author_of(cluster),
        newest.timestamp() if newest is not None else 0.0,
        {},
        {**files, **dict.fromkeys(gone), README: page},
    )


def obstacles(mirror: mirrors.Mirror, lost: Iterable[str]) -> dict[str, AgentError]:
    """Why a branch that could not be written never can: a branch whose name is the start of its own."""
    found: dict[str, AgentError] = {}
    for ref in lost:
        parts = ref.split("/")
        for end in range(3, len(parts)):
            short = "/".join(parts[2:end])
            if ref.startswith(refs.OWN_BRANCHES) and drafts.tip(mirror, refs.HEADS + short):
                problem = f"cannot push {ref} to {mirror.url}: the branch {short!r} is in its way; rename that branch"
                found[ref] = Stalled(Reason.PushForbidden, f"{problem}, or switch the status branch off")
    return found


def _page(
    mirror: mirrors.Mirror,
    cluster: str,
    tip: str,
    blobs: Mapping[str, str],
    old: str,
    changed: Mapping[str, str],
) -> str:
    """The README: rows of unchanged apps as they are, of apps without a row from their ledgers."""
    apps = {app: file for file in blobs if (app := statuspages.app_of(file))}
    rows = {app: row for app, row in statuspages.rows(old).items() if app in apps and app not in changed}
    unknown = {app: file for app, file in apps.items() if app not in rows and app not in changed}
    texts = {**_texts(mirror, tip, unknown.values())}
    found = {**{app: texts[file] for app, file in unknown.items()}, **changed}
    parsed = [ledgers.parse(text, cluster, app) for app, text in found.items()]
    return statuspages.readme(cluster, rows, parsed, mirror.url)


def _message(by_app: Mapping[str, list[Record]], changed: Iterable[str], gone: Iterable[str]) -> str:
    told = [_told(app, by_app.get(app, [])) for app in sorted(changed)]
    told += [f"{statuspages.app_of(file)} left out" for file in gone]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"{', '.join(told[:3])}{more} [skip ci]"


def _told(app: str, own: list[Record]) -> str:
    return f"{app} {own[-1].phase} at {own[-1].revision[:7]}" if own else f"{app} removed"


def _described(mirror: mirrors.Mirror, own: Iterable[Record]) -> dict[str, Revision]:
    found: dict[str, Revision] = {}
    for sha in {record.revision for record in own}:
        try:
            if mirror.has_commit(sha):
                found[sha] = mirror.revision(sha, sha)
        except AgentError:
            continue  # A ledger without a subject is better than none.
    return found


def _blobs(mirror: mirrors.Mirror, tip: str) -> dict[str, str]:
    if not tip:
        return {}
    return {file.path: file.blob for file in trees.files(mirror, tip, "")}


def _texts(mirror: mirrors.Mirror, tip: str, paths: Iterable[str]) -> dict[str, str]:
    blobs = _blobs(mirror, tip)
    wanted = {path: blobs[path] for path in paths if path in blobs}
    contents = trees.read(mirror, wanted.values())
    return {path: contents[blob].decode("utf-8", "replace") for path, blob in wanted.items()}
