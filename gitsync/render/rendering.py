"""The desired state one directory of one commit describes.

Reads the mirror, decides which files count, and joins what they hold; a problem in any file makes
the whole result not ok, with every problem in it. Rules of the directory type: Argo CD (walk in
lexical order, exclude before include, patterns relative to the directory, total size capped).
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderedObject, RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.plan import identities
from gitsync.render import documents, selecting
from gitsync.render.selecting import Source

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


def render(
    mirror: mirrors.Mirror, revision: Revision, source: Source, *, previous: RenderSet | None = None
) -> RenderSet:
    """The desired state of `source` at `revision`; its objects are the caller's own.

    `previous`, a result for an earlier commit, saves the work when nothing that was read changed.
    Raises Stalled(PathNotFound) when there is no such directory and Retry when the mirror cannot be read.
    """
    path = selecting.checked_path(source.path)
    if previous is not None and _is_still_valid(mirror, revision, source, path, previous):
        return replace(previous, revision=revision)
    listing = trees.listing(mirror, revision.sha)
    selecting.check_directory(listing, path, revision)
    selection = selecting.select(listing, path, source, lambda blob: trees.read(mirror, [blob])[blob])
    empty = RenderSet(revision, path, (), selection.inputs, selection.warnings, selection.errors, source.options)
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=revision)
    size = sum(candidate.file.size for candidate in selection.candidates)
    if size > LARGEST_APP:
        problem = f"its manifest files have {size} bytes together, more than the {LARGEST_APP} that are read"
        return replace(empty, errors=(*empty.errors, RenderError(path or ".", 0, 0, problem)))
    return _joined(empty, selection.candidates, _parsed(mirror, selection.candidates))


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


__all__ = ["LARGEST_APP", "Source", "render"]
