"""The branch `gitsync/status/<cluster>`: a page for people and one ledger per app for programs.

Says what the branch should become; fetching, committing and pushing are done by `pushes`. The branch
has a history of its own, shares no commit with what people write, and is neither fetched with their
branches nor ever followed. Files of apps that others write, and anything people put there, stay.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

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


def last_told(mirror: mirrors.Mirror, cluster: str, apps: Iterable[str]) -> dict[str, Record]:
    """The latest record of each app in its ledger, of those that were fetched."""
    wanted = {statuspages.file_of(app): app for app in apps}
    texts = _texts(mirror, drafts.tip(mirror, followed(cluster).here), wanted)
    found = {app: ledgers.parse(texts.get(file, ""), cluster, app).latest for file, app in wanted.items()}
    return {app: latest for app, latest in found.items() if latest is not None}


def drafted(mirror: mirrors.Mirror, cluster: str, news: Iterable[Record]) -> drafts.Draft | None:
    """The commit that adds `news` to what was fetched; None when all of it is told."""
    by_app: dict[str, list[Record]] = defaultdict(list)
    for record in news:
        by_app[record.app].append(record)
    tip = drafts.tip(mirror, followed(cluster).here)
    blobs = _blobs(mirror, tip)
    texts = _texts(mirror, tip, [README, *(statuspages.file_of(app) for app in by_app)])
    changed: dict[str, str] = {}
    for app, own in by_app.items():
        file = statuspages.file_of(app)
        text = ledgers.updated(texts.get(file, ""), own, _described(mirror, own))
        if text != texts.get(file, ""):
            changed[app] = text
    if not changed:
        return None
    files = {statuspages.file_of(app): text for app, text in changed.items()}
    page = _page(mirror, cluster, tip, blobs, texts.get(README, ""), changed)
    newest = max(record.time for own in by_app.values() for record in own)
    message = _message(by_app, changed)
    author = notes.author_of(cluster)
    return drafts.Draft(ref_of(cluster), tip, message, author, newest.timestamp(), {}, {**files, README: page})


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


def _message(by_app: Mapping[str, list[Record]], changed: Iterable[str]) -> str:
    told = [f"{app} {by_app[app][-1].phase} at {by_app[app][-1].revision[:7]}" for app in sorted(changed)]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"{', '.join(told[:3])}{more} [skip ci]"


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
