"""The desired state a directory of plain manifests describes.

Reads the mirror, decides which files count, and joins what they hold; a problem in any file makes the
whole result not ok, with every problem in it. Rules of the directory type: Argo CD (walk in lexical
order, exclude before include, patterns relative to the directory, total size capped).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderedObject, RenderError, RenderSet
from gitsync.plan import identities
from gitsync.render import documents, memos, selecting
from gitsync.render.selecting import Source

LARGEST_APP = 10 * 2**20
"""Bytes all manifest files of one path may have together."""
REMEMBERED_BYTES = 16 * 2**20


def weight(parsed: documents.Parsed) -> int:
    """How much of a memo's capacity parsed documents take."""
    return 200 + sum(len(found.text) + 100 for found in parsed.objects)


_memo: memos.Memo[documents.Parsed] = memos.Memo(REMEMBERED_BYTES, weight)


def rendered(
    mirror: mirrors.Mirror, listing: trees.Listing, base: RenderSet, source: Source, previous: RenderSet | None
) -> RenderSet:
    """The objects of the directory of `base`, whose inputs and warnings are kept; `previous` if nothing differs."""
    selection = selecting.select(listing, base.path, source, lambda blob: trees.read(mirror, [blob])[blob])
    empty = replace(
        base,
        inputs=tuple(sorted({*base.inputs, *selection.inputs})),
        warnings=(*base.warnings, *selection.warnings),
        errors=(*base.errors, *selection.errors),
        options=source.options,
    )
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=base.revision, declared=base.declared)
    wrong = too_large(base.path, (candidate.file for candidate in selection.candidates))
    if wrong is not None:
        return replace(empty, errors=(*empty.errors, wrong))
    return _joined(empty, selection.candidates, parsed(mirror, selection.candidates))


def too_large(path: str, files: Iterable[trees.File]) -> RenderError | None:
    """What to tell when the files of a path are too large together."""
    size = sum(file.size for file in files)
    if size <= LARGEST_APP:
        return None
    problem = f"its manifest files have {size} bytes together, more than the {LARGEST_APP} that are read"
    return RenderError(path or ".", 0, 0, problem)


def parsed(
    mirror: mirrors.Mirror, candidates: tuple[selecting.Candidate, ...]
) -> Mapping[tuple[str, bool], documents.Parsed]:
    """Every candidate's content, parsed once per content."""
    keys = {(candidate.file.blob, candidate.is_json) for candidate in candidates}
    found = {key: known for key in keys if (known := _memo.get(key)) is not None}
    contents = trees.read(mirror, sorted({blob for blob, is_json in keys if (blob, is_json) not in found}))
    for blob, is_json in keys - found.keys():
        found[(blob, is_json)] = documents.parse(contents[blob], is_json=is_json)
        _memo.put((blob, is_json), found[(blob, is_json)])
    return found


@dataclass(slots=True)
class Gathered:
    """Objects, warnings and errors on the way to a result."""

    objects: dict[tuple[object, ...], RenderedObject]
    warnings: list[str]
    errors: list[RenderError]

    def add(self, rendered: RenderedObject) -> None:
        """Of two objects with one identity the later counts, and a warning names both places."""
        identity = identities.identity_of(rendered.body)
        key: tuple[object, ...] = (
            (identity,) if identity.name else (identity, rendered.file, rendered.line, len(self.objects))
        )
        earlier = self.objects.pop(key, None)
        if earlier is not None:
            places = f"{earlier.file}:{earlier.line} and {rendered.file}:{rendered.line}"
            self.warnings.append(f"{identity.shown} is given twice, in {places}; the last one counts")
        self.objects[key] = rendered

    def closed(self, empty: RenderSet) -> RenderSet:
        """The result: objects only when nothing is wrong."""
        objects = tuple(self.objects.values()) if not self.errors else ()
        return replace(empty, objects=objects, warnings=tuple(self.warnings), errors=tuple(sorted(self.errors)))


def _joined(
    empty: RenderSet,
    candidates: tuple[selecting.Candidate, ...],
    contents: Mapping[tuple[str, bool], documents.Parsed],
) -> RenderSet:
    seen = Gathered({}, list(empty.warnings), list(empty.errors))
    for candidate in candidates:
        content = contents[(candidate.file.blob, candidate.is_json)]
        seen.errors += [RenderError(candidate.path, e.line, e.column, e.message) for e in content.errors]
        seen.warnings += [str(RenderError(candidate.path, w.line, w.column, w.message)) for w in content.warnings]
        for found in content.objects:
            seen.add(RenderedObject(json.loads(found.text), candidate.path, found.line))
    return seen.closed(empty)
