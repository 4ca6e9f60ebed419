"""Opening what SOPS encrypted in the desired state of an app, with the keys its project may use.

What is remembered of a render stays encrypted, so a key that arrives, or is taken away, counts at the next
pass without rendering anything again. Remembers the last result per app only to save work.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gitsync.git import mirrors, trees
from gitsync.model.identities import AppName
from gitsync.model.rendersets import InputFile, RenderSet
from gitsync.render import documents, plain, secrets, selecting
from gitsync.render.agekeys import AgeKeys
from gitsync.render.compositions import Composition
from gitsync.render.layouts import Place


class Opening:
    """Opens, once per result and set of keys. Safe to share between threads."""

    def __init__(self, age_keys: Callable[[str], AgeKeys]) -> None:
        """`age_keys`: the keys of a project."""
        self._age_keys = age_keys
        self._lock = threading.Lock()
        self._last: dict[AppName, tuple[RenderSet, AgeKeys, RenderSet]] = {}

    def opened(self, app: AppName, project: str, places: Sequence[Place], result: Composition) -> RenderSet:
        """The whole result with plain Secrets; with errors where one stays encrypted."""
        whole = result.whole
        if not any(secrets.is_closed(one.body) for one in whole.objects):
            return whole
        keys = self._age_keys(project)
        with self._lock:
            known = self._last.get(app)
        if known is not None and known[0] is whole and known[1] == keys:
            return known[2]
        answer = opened(whole, result.made, [place.mirror for place in places], keys)
        with self._lock:
            self._last[app] = whole, keys, answer
        return answer

    def drop(self, app: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._last.pop(app, None)


def opened(
    whole: RenderSet, made: Mapping[int, RenderSet], sources: Sequence[mirrors.Mirror], keys: AgeKeys
) -> RenderSet:
    """A whole result with plain Secrets, from what each source rendered to; with errors where one stays encrypted."""
    if not any(secrets.is_closed(one.body) for one in whole.objects):
        return whole
    inputs: list[InputFile] = []
    parsed: dict[str, documents.Parsed] = {}
    for number, one in made.items():
        mine = _read(sources[number], one.inputs)
        # Sources may have files of one name: what counts is the content.
        parsed |= {f"{number}/{path}": content for path, content in mine.items()}
        inputs += [InputFile(f"{number}/{item.path}", item.blob) for item in one.inputs if item.path in mine]
    found = secrets.opened(
        whole.objects, inputs, lambda asked: _picked(parsed, asked), keys.open_key, lambda: _texts(made, sources)
    )
    return replace(whole, objects=found.objects, errors=found.errors)


def _texts(made: Mapping[int, RenderSet], sources: Sequence[mirrors.Mirror]) -> list[bytes]:
    """The files that are no manifests."""
    found: list[bytes] = []
    for number, one in made.items():
        blobs = [item.blob for item in one.inputs if item.blob and not selecting.is_manifest_name(item.path)]
        found += trees.read(sources[number], blobs).values()
    return found


def _picked(parsed: Mapping[str, documents.Parsed], asked: Iterable[InputFile]) -> Mapping[str, documents.Parsed]:
    return {one.path: parsed[one.path] for one in asked}


def _read(mirror: mirrors.Mirror, inputs: Iterable[InputFile]) -> Mapping[str, documents.Parsed]:
    wanted = [one for one in inputs if one.blob and selecting.is_manifest_name(one.path)]
    files = tuple(selecting.Candidate(one.path, trees.File(one.path, "100644", one.blob, 0)) for one in wanted)
    contents = plain.parsed(mirror, files)
    return {one.path: contents[(one.file.blob, one.is_json)] for one in files}
