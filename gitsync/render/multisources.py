"""Several sources of one app: which of them render, which only lend files, and how their objects join.

Pure. Rules: Argo CD, "Multiple Sources": a source with `ref` and no path renders nothing; of two objects
with one identity the one of the later source counts and is told about, after namespaces are filled in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitsync.git import urls
from gitsync.model.identities import Identity
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import identities
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object


@dataclass(frozen=True, slots=True)
class Part:
    """One source: where it is, and the name others know it by ("" for none)."""

    repo_url: str
    revision: str
    path: str
    ref: str
    options: Object

    @property
    def renders(self) -> bool:
        """Whether it makes objects; one that has only a `ref` lends its files."""
        return bool(self.path)


def parts(sources: Sequence[Object]) -> tuple[Part, ...]:
    """The sources of an app. Raises Stalled(Invalid) naming the source for what cannot be."""
    found: list[Part] = []
    names: set[str] = set()
    for number, source in enumerate(sources):
        place = f"spec.sources[{number}]"
        ref, path = str(source.get("ref") or ""), str(source.get("path") or "")
        if source.get("chart") and ref:
            raise Stalled(Reason.Invalid, f"{place}.chart is given beside ref, which only Git sources have")
        if source.get("chart"):
            path = "."
        if not source.get("repoURL"):
            raise Stalled(Reason.Invalid, f"{place}.repoURL is missing")
        if not (ref or path):
            raise Stalled(Reason.Invalid, f"{place} needs a path, or a ref to lend its files by")
        if ref in names:
            raise Stalled(Reason.Invalid, f"{place}.ref: the name {ref!r} is taken by an earlier source")
        names |= {ref} if ref else set()
        found.append(Part(str(source["repoURL"]), str(source.get("targetRevision") or "HEAD"), path, ref, source))
    return tuple(found)


def check_revisions(sources: Sequence[Part], resolved: Mapping[tuple[str, str], str]) -> None:
    """Sources that lend files must be at one commit per repository, also with sources that render.

    `resolved`: (repository, revision) -> commit. Raises Stalled(Invalid) naming both revisions.
    """
    seen: dict[str, tuple[str, str]] = {}
    lent = {urls.canonical(part.repo_url) for part in sources if part.ref}
    for part in sources:
        url = urls.canonical(part.repo_url)
        if url not in lent:
            continue
        sha = resolved[(part.repo_url, part.revision)]
        known, revision = seen.setdefault(url, (sha, part.revision))
        if known != sha:
            problem = f"{part.repo_url} is used at {revision} and at {part.revision}, which are different commits"
            raise Stalled(Reason.Invalid, f"spec.sources: {problem}; a repository with a ref must be at one")


def joined(
    rendered: Iterable[Sequence[RenderedObject]], namespace: str, namespaced: Mapping[tuple[str, str], bool]
) -> tuple[tuple[RenderedObject, ...], tuple[str, ...]]:
    """The objects of all sources in order, and a warning for each that is given twice.

    `namespaced`: (apiVersion, kind) -> whether it lives in a namespace; one that is not known is taken to.
    """
    found: dict[tuple[Identity, int], RenderedObject] = {}
    warnings: list[str] = []
    for objects in rendered:
        for one in objects:
            identity = _placed(one, namespace, namespaced)
            # What the API server names is never the same object twice.
            key = (identity, 0 if identity.name else len(found) + 1)
            earlier = found.pop(key, None)
            if earlier is not None:
                places = f"{earlier.file}:{earlier.line} and {one.file}:{one.line}"
                warnings.append(f"{identity.shown} is given twice, in {places}; the last one counts")
            found[key] = one
    return tuple(found.values()), tuple(warnings)


def _placed(one: RenderedObject, namespace: str, namespaced: Mapping[tuple[str, str], bool]) -> Identity:
    identity = identities.identity_of(one.body)
    in_one = namespaced.get((str(one.body.get("apiVersion", "")), identity.kind), True)
    place = (identity.namespace or namespace) if in_one else ""
    return Identity(identity.group, identity.kind, place, identity.name)
