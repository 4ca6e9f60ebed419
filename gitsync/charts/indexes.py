"""Which version of a chart a range means, by the index of its repository or the tags of its registry.

Pure. Rules: Helm, "The Chart Repository Guide" (index.yaml); a version that is named exactly is that version,
a range is the highest that fits, `HEAD` or nothing is the highest release.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model import semver
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json, Object

LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a chart. `digest`: SHA-256 of its archive in hex digits, "" where the index has none."""

    version: str
    url: str
    digest: str


def releases(content: bytes, chart: str, base: str) -> Mapping[str, Release]:
    """The versions of a chart in an index.yaml, by version. Raises Stalled(RevisionNotFound) with near names."""
    entries = _entries(content, base)
    listed = entries.get(chart)
    if not isinstance(listed, list):
        names = ", ".join(sorted(entries)[:5])
        raise Stalled(Reason.RevisionNotFound, f"{base} has no chart {chart!r}; it has {names or 'none'}")
    found: dict[str, Release] = {}
    for one in listed:
        urls = one.get("urls") if isinstance(one, dict) else None
        if isinstance(urls, list) and urls and isinstance(urls[0], str) and isinstance(one.get("version"), str):
            digest = str(one.get("digest") or "").removeprefix("sha256:").lower()
            url = urljoin(f"{base}/", urls[0])
            found.setdefault(one["version"], Release(one["version"], url, digest))
    return found


def _entries(content: bytes, base: str) -> Object:
    try:
        documents = yamlgo.load_all(content.decode("utf-8"))
    except (YamlError, UnicodeDecodeError) as error:
        raise Stalled(Reason.RenderFailed, f"{base}/index.yaml cannot be read: {error}") from error
    index: Json = documents[0].value if documents else None
    entries = index.get("entries") if isinstance(index, dict) else None
    if not isinstance(entries, dict):
        raise Stalled(Reason.RenderFailed, f"{base}/index.yaml is no index of charts: it has no 'entries'")
    return entries


def choose(wanted: str, versions: Iterable[str], what: str) -> str:
    """The version `wanted` means. Raises Stalled(RevisionNotFound) naming what there is."""
    known = list(versions)
    text = wanted.strip()
    if text in known:
        return text
    exact = semver.version(text)
    if exact is not None:
        same = [one for one in known if (found := semver.version(one)) is not None and found == exact]
        if same:
            return same[0]
    constraint = semver.constraint("*" if text in ("", "HEAD") else text)
    best = semver.newest(constraint, known) if constraint is not None else None
    if best is not None:
        return best
    sorts = [(found.precedence, one) for one in known if (found := semver.version(one)) is not None]
    there = ", ".join(one for _, one in sorted(sorts, reverse=True)[:5])
    raise Stalled(Reason.RevisionNotFound, f"{what} has no version {wanted!r}; it has {there or 'none'}")
