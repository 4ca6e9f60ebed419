"""The desired state a Kustomize directory describes: what a build needs, and what comes of running it.

Finding out what is needed runs nothing; a build that was done before is remembered by its inputs, so
that a commit which touches none of them costs no program.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderedObject, RenderError, RenderSet, content_key
from gitsync.render import documents, kustomizations, kustomize, memos, origins, plain, selecting
from gitsync.render.kustomizations import Edit
from operator_core.jsonvalues import dig

_built: memos.Memo[documents.Parsed] = memos.Memo(plain.REMEMBERED_BYTES, plain.weight)


@dataclass(frozen=True, slots=True)
class KustomizeBuild:
    """What is left to do for a Kustomize directory: run it. `empty` has everything but the objects."""

    empty: RenderSet
    needed: kustomizations.Needed

    @property
    def key(self) -> str:
        """Equal for two builds with one result, also of two apps."""
        return content_key(self.empty.path, self.empty.options, self.needed.inputs)

    def is_done(self) -> bool:
        """Whether finishing would find the result without running anything."""
        return _built.get(self.key) is not None


def prepared(
    mirror: mirrors.Mirror,
    listing: trees.Listing,
    base: RenderSet,
    edit: Edit | None,
    previous: RenderSet | None,
) -> RenderSet | KustomizeBuild:
    """The build of the directory of `base`, or its result when nothing has to be run."""
    needed = kustomizations.needed(listing, base.path, lambda blob: trees.read(mirror, [blob])[blob], edit)
    empty = replace(
        base,
        inputs=tuple(sorted({*base.inputs, *needed.inputs})),
        errors=(*base.errors, *needed.errors),
        exact=True,
    )
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=base.revision, declared=base.declared)
    wrong = plain.too_large(base.path, needed.entries)
    if wrong is not None:
        return replace(empty, errors=(*empty.errors, wrong))
    return empty if empty.errors else KustomizeBuild(empty, needed)


def finish(mirror: mirrors.Mirror, build: KustomizeBuild, builder: kustomize.Kustomize) -> RenderSet:
    """Run a build, unless one with the same inputs is remembered."""
    empty, needed = build.empty, build.needed
    top = next(entry.path for entry in needed.entries if entry.path in kustomizations.places(empty.path))
    known = _built.get(build.key)
    if known is None:
        entries, contents = _export(mirror, needed)
        pointers = [entry.path for entry in entries if documents.is_lfs_pointer(contents[entry.blob])]
        if pointers:
            return replace(empty, errors=tuple(RenderError(path, 1, 0, documents.LFS_PROBLEM) for path in pointers))
        match builder.build(empty.path, entries, contents):
            case kustomize.BuildFailure(file, line, message):
                return replace(empty, errors=(RenderError(file or top, line, 0, message),))
            case output:
                known = documents.parse(output, is_json=False)
        _built.put(build.key, known)
    errors = [RenderError(top, 0, 0, f"in what it builds: {wrong.message}") for wrong in known.errors]
    seen = plain.Gathered({}, list(empty.warnings), errors)
    sources = _origins(mirror, needed)
    for found in known.objects:
        body = json.loads(found.text)
        place = origins.locate(body, sources, origins.Origin("", "", top, 1))
        seen.add(RenderedObject(body, place.file, place.line))
    return seen.closed(empty)


def _export(
    mirror: mirrors.Mirror, needed: kustomizations.Needed
) -> tuple[tuple[trees.File, ...], Mapping[str, bytes]]:
    """What the build reads: files of the commit, with the kustomization as it was changed for the app."""
    contents = dict(trees.read(mirror, [entry.blob for entry in needed.entries]))
    if needed.edited is None:
        return needed.entries, contents
    path, content = needed.edited
    # A name no blob has: another file of the commit may have the same content as the one that is changed.
    changed = trees.File(path, "100644", "edited", len(content))
    return tuple(changed if entry.path == path else entry for entry in needed.entries), {**contents, "edited": content}


def _origins(mirror: mirrors.Mirror, needed: kustomizations.Needed) -> list[origins.Origin]:
    candidates = tuple(selecting.Candidate(entry.path, entry) for entry in needed.manifests)
    parsed = plain.parsed(mirror, candidates)
    found = [origins.Origin(one.kind, one.name, one.file, 1) for one in needed.generated]
    for candidate in candidates:
        for one in parsed[(candidate.file.blob, candidate.is_json)].objects:
            body = json.loads(one.text)
            name = str(dig(body, "metadata", "name", default=""))
            found.append(origins.Origin(str(body.get("kind")), name, candidate.path, one.line))
    return found
