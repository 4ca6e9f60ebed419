"""The desired state one directory of one commit describes.

Reads the mirror, decides which files count, and joins what they hold; a problem in any file makes
the whole result not ok, with every problem in it. Rules of the directory type: Argo CD (walk in
lexical order, exclude before include, patterns relative to the directory, total size capped).
A directory with a kustomization at its top is built by Kustomize, unless patterns ask for files.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderedObject, RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.plan import identities
from gitsync.render import documents, kustomizations, kustomize, origins, selecting
from gitsync.render.selecting import Source
from operator_core.jsonvalues import dig

LARGEST_APP = 10 * 2**20
"""Bytes all manifest files of one path may have together."""
_REMEMBERED_BYTES = 16 * 2**20


class _Memo:
    """Parsed files by content, the most recently used, up to a total size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0
        self._files: OrderedDict[tuple[str, bool], documents.Parsed] = OrderedDict()

    def get(self, blob: str, is_json: bool) -> documents.Parsed | None:
        with self._lock:
            known = self._files.get((blob, is_json))
            if known is not None:
                self._files.move_to_end((blob, is_json))
            return known

    def put(self, blob: str, is_json: bool, parsed: documents.Parsed) -> None:
        with self._lock:
            if (blob, is_json) in self._files:
                return
            self._files[(blob, is_json)] = parsed
            self._size += _weight(parsed)
            while self._size > _REMEMBERED_BYTES:
                _, dropped = self._files.popitem(last=False)
                self._size -= _weight(dropped)


_memo = _Memo()
_built = _Memo()


@dataclass(frozen=True, slots=True)
class Build:
    """What is left to do for a Kustomize directory: run it. `empty` has everything but the objects."""

    empty: RenderSet
    needed: kustomizations.Needed

    @property
    def key(self) -> str:
        """Equal for two builds with one result."""
        return self.empty.content_key


def render(
    mirror: mirrors.Mirror,
    revision: Revision,
    source: Source,
    *,
    previous: RenderSet | None = None,
    builder: kustomize.Kustomize | None = None,
) -> RenderSet:
    """The desired state of `source` at `revision`; its objects are the caller's own.

    `previous`, a result for an earlier commit, saves the work when nothing that was read changed.
    Raises Stalled(PathNotFound) when there is no such directory, Stalled(KustomizeMissing), and Retry
    when the mirror cannot be read. Runs Kustomize where the directory wants it, which takes a while.
    """
    match prepare(mirror, revision, source, previous=previous):
        case Build() as build:
            return finish(mirror, build, builder or kustomize.Kustomize())
        case rendered:
            return rendered


def prepare(
    mirror: mirrors.Mirror, revision: Revision, source: Source, *, previous: RenderSet | None = None
) -> RenderSet | Build:
    """As `render`, but gives the build that is left to do instead of running it."""
    path = selecting.checked_path(source.path)
    if previous is not None and _is_still_valid(mirror, revision, source, path, previous):
        return replace(previous, revision=revision)
    if previous is None:
        trees.prefetch(mirror, revision.sha, selecting.is_manifest_name)
    listing = trees.listing(mirror, revision.sha)
    selecting.check_directory(listing, path, revision)
    if kustomizations.is_at(listing, path) and not source.asks_for_plain_files:
        return _prepared_build(mirror, revision, source, path, previous)
    selection = selecting.select(listing, path, source, lambda blob: trees.read(mirror, [blob])[blob])
    empty = RenderSet(revision, path, (), selection.inputs, selection.warnings, selection.errors, source.options)
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=revision)
    too_large = _too_large(path, (candidate.file for candidate in selection.candidates))
    if too_large is not None:
        return replace(empty, errors=(*empty.errors, too_large))
    return _joined(empty, selection.candidates, _parsed(mirror, selection.candidates))


def _prepared_build(
    mirror: mirrors.Mirror, revision: Revision, source: Source, path: str, previous: RenderSet | None
) -> RenderSet | Build:
    listing = trees.listing(mirror, revision.sha)
    needed = kustomizations.needed(listing, path, lambda blob: trees.read(mirror, [blob])[blob])
    empty = RenderSet(revision, path, (), needed.inputs, (), needed.errors, source.options, exact=True)
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=revision)
    too_large = _too_large(path, needed.entries)
    if too_large is not None:
        return replace(empty, errors=(*empty.errors, too_large))
    return empty if empty.errors else Build(empty, needed)


def is_built(build: Build) -> bool:
    """Whether `finish` would find the result without running anything."""
    return _built.get(build.key, False) is not None


def finish(mirror: mirrors.Mirror, build: Build, builder: kustomize.Kustomize) -> RenderSet:
    """Run a build, unless one with the same inputs is remembered."""
    empty, needed = build.empty, build.needed
    top = next(entry.path for entry in needed.entries if entry.path in kustomizations.places(empty.path))
    known = _built.get(build.key, False)
    if known is None:
        contents = trees.read(mirror, [entry.blob for entry in needed.entries])
        pointers = [entry.path for entry in needed.entries if documents.is_lfs_pointer(contents[entry.blob])]
        if pointers:
            return replace(empty, errors=tuple(RenderError(path, 1, 0, documents.LFS_PROBLEM) for path in pointers))
        match builder.build(empty.path, needed.entries, contents):
            case kustomize.BuildFailure(file, line, message):
                return replace(empty, errors=(RenderError(file or top, line, 0, message),))
            case output:
                known = documents.parse(output, is_json=False)
        _built.put(build.key, False, known)
    errors = [RenderError(top, 0, 0, f"in what it builds: {wrong.message}") for wrong in known.errors]
    seen = _Seen({}, [], errors)
    sources = _origins(mirror, needed)
    for found in known.objects:
        body = json.loads(found.text)
        place = origins.locate(body, sources, origins.Origin("", "", top, 1))
        _add(RenderedObject(body, place.file, place.line), seen)
    return _closed(empty, seen)


def _origins(mirror: mirrors.Mirror, needed: kustomizations.Needed) -> list[origins.Origin]:
    candidates = tuple(selecting.Candidate(entry.path, entry) for entry in needed.manifests)
    parsed = _parsed(mirror, candidates)
    found = [origins.Origin(one.kind, one.name, one.file, 1) for one in needed.generated]
    for candidate in candidates:
        for one in parsed[(candidate.file.blob, candidate.is_json)].objects:
            body = json.loads(one.text)
            name = str(dig(body, "metadata", "name", default=""))
            found.append(origins.Origin(str(body.get("kind")), name, candidate.path, one.line))
    return found


def _too_large(path: str, files: Iterable[trees.File]) -> RenderError | None:
    size = sum(file.size for file in files)
    if size <= LARGEST_APP:
        return None
    problem = f"its manifest files have {size} bytes together, more than the {LARGEST_APP} that are read"
    return RenderError(path or ".", 0, 0, problem)


def _is_still_valid(mirror: mirrors.Mirror, revision: Revision, source: Source, path: str, previous: RenderSet) -> bool:
    if (previous.revision.repo, previous.path, previous.options) != (revision.repo, path, source.options):
        return False
    return not previous.touched_by(trees.changed_paths(mirror, previous.revision.sha, revision.sha))


def _parsed(
    mirror: mirrors.Mirror, candidates: tuple[selecting.Candidate, ...]
) -> Mapping[tuple[str, bool], documents.Parsed]:
    """Every candidate's content, parsed once per content."""
    keys = {(candidate.file.blob, candidate.is_json) for candidate in candidates}
    found = {key: known for key in keys if (known := _memo.get(*key)) is not None}
    contents = trees.read(mirror, sorted({blob for blob, is_json in keys if (blob, is_json) not in found}))
    for blob, is_json in keys - found.keys():
        found[(blob, is_json)] = documents.parse(contents[blob], is_json=is_json)
        _memo.put(blob, is_json, found[(blob, is_json)])
    return found


@dataclass(slots=True)
class _Seen:
    objects: dict[tuple[object, ...], RenderedObject]
    warnings: list[str]
    errors: list[RenderError]


def _joined(
    empty: RenderSet,
    candidates: tuple[selecting.Candidate, ...],
    parsed: Mapping[tuple[str, bool], documents.Parsed],
) -> RenderSet:
    seen = _Seen({}, list(empty.warnings), list(empty.errors))
    for candidate in candidates:
        content = parsed[(candidate.file.blob, candidate.is_json)]
        seen.errors += [RenderError(candidate.path, e.line, e.column, e.message) for e in content.errors]
        seen.warnings += [str(RenderError(candidate.path, w.line, w.column, w.message)) for w in content.warnings]
        for found in content.objects:
            _add(RenderedObject(json.loads(found.text), candidate.path, found.line), seen)
    return _closed(empty, seen)


def _closed(empty: RenderSet, seen: _Seen) -> RenderSet:
    """The result: objects only when nothing is wrong."""
    objects = tuple(seen.objects.values()) if not seen.errors else ()
    return replace(empty, objects=objects, warnings=tuple(seen.warnings), errors=tuple(sorted(seen.errors)))


def _add(rendered: RenderedObject, seen: _Seen) -> None:
    """Of two objects with one identity the later counts, and a warning names both places."""
    identity = identities.identity_of(rendered.body)
    key: tuple[object, ...] = (
        (identity,) if identity.name else (identity, rendered.file, rendered.line, len(seen.objects))
    )
    earlier = seen.objects.pop(key, None)
    if earlier is not None:
        places = f"{earlier.file}:{earlier.line} and {rendered.file}:{rendered.line}"
        seen.warnings.append(f"{identity.shown} is given twice, in {places}; the last one counts")
    seen.objects[key] = rendered


def _weight(parsed: documents.Parsed) -> int:
    return 200 + sum(len(found.text) + 100 for found in parsed.objects)


__all__ = ["LARGEST_APP", "Build", "Source", "finish", "is_built", "prepare", "render"]
