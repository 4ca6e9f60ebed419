"""The desired state a Helm chart of one commit describes: what a run needs, and what comes of it.

Joins what `helmcharts` finds needed with what `helm` makes of it. A result is remembered by everything
that decided it: the chart, the files of other sources that were read, and the options.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from gitsync.charts import archives
from gitsync.charts.lockfiles import Locked
from gitsync.git import mirrors, trees
from gitsync.model import chartnames
from gitsync.model.rendersets import InputFile, RenderedObject, RenderError, RenderSet
from gitsync.model.sources import Helm as Given
from gitsync.model.sources import Source
from gitsync.render import buildenvironment, closedvalues, documents, helmcharts, helmoptions, memos
from gitsync.render.buildenvironment import AppContext
from gitsync.render.chartwalks import Commit, Packed
from gitsync.render.helm import Helm
from gitsync.render.helmcharts import Chart
from gitsync.render.helmoptions import HelmOptions

_READ_BY_HELM = (".yaml", ".yml", ".json", ".tpl", ".tgz")
LARGEST_CHART = 10 * 2**20
"""Bytes a chart and its value files may have together."""
_REMEMBERED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class _Made:
    """Objects as JSON text, file and line."""

    objects: tuple[tuple[str, str, int], ...]
    errors: tuple[RenderError, ...]


def _weight(made: _Made) -> int:
    return 200 + sum(len(text) + 200 for text, _, _ in made.objects)


_built: memos.Memo[_Made] = memos.Memo(_REMEMBERED_BYTES, _weight)


@dataclass(frozen=True, slots=True)
class HelmBuild:
    """What is left to do for a chart: run Helm. `empty` has everything but the objects."""

    empty: RenderSet
    chart: Chart
    options: HelmOptions
    texts: tuple[str, ...] = field(default=(), repr=False)
    """What was encrypted and must not be shown."""

    @property
    def key(self) -> str:
        """Equal for two builds with one result."""
        return self.empty.content_key

    def is_done(self) -> bool:
        """Whether finishing would find the result without running anything."""
        return _built.get(self.key) is not None


def commit_of(mirror: mirrors.Mirror, sha: str) -> Commit:
    """A commit to read charts and value files from."""
    return Commit(trees.listing(mirror, sha), lambda blob: trees.read(mirror, [blob])[blob])


def prepared(
    mirror: mirrors.Mirror,
    base: RenderSet,
    source: Source,
    app: AppContext,
    values: Mapping[str, str],
    lent: Mapping[str, Commit],
    previous: RenderSet | None = None,
) -> RenderSet | HelmBuild:
    """The run for the chart of `base`, or its result when nothing has to be run.

    `values` are the variables that texts may name, `lent` the sources with a `ref`. Raises Stalled, and what finding a
    chart of a lock raises.
    """
    given = source.helm or Given()
    options = helmoptions.parse(_filled(given, app, values, lent), app.name, app.destination)
    own = commit_of(mirror, base.revision.sha)
    chart = helmcharts.needed(own, base.path, options, lent, _finder(app))
    texts = [*given.value_files, *(one.value for one in given.parameters), *(one.path for one in given.file_parameters)]
    everything = ("",) if buildenvironment.names_the_commit(texts) else ()
    empty = replace(
        base,
        inputs=tuple(sorted({*base.inputs, *chart.inputs})),
        errors=(*base.errors, *chart.errors),
        options=_as_read(options, chart),
        watched=(*base.watched, *chart.watched, *everything),
        lent=chart.lent,
        charts=tuple(sorted({one.repository for one in chart.packed.values()})),
    )
    if previous is not None and previous.content_key == empty.content_key:
        return replace(previous, revision=base.revision, declared=base.declared)
    if not helmcharts.is_at(own.tree, base.path):
        wrong = RenderError(base.path or ".", 0, 0, "there is no Chart.yaml: the source says helm")
        place = f"{base.path}/Chart.yaml" if base.path else "Chart.yaml"
        return replace(empty, inputs=(*empty.inputs, InputFile(place, "")), errors=(wrong,))
    if chart.size > LARGEST_CHART:
        problem = f"the chart has {chart.size} bytes, more than the {LARGEST_CHART} that are read"
        return replace(empty, errors=(*empty.errors, RenderError(base.path or ".", 0, 0, problem)))
    if empty.errors:
        return empty
    opened = closedvalues.opened(chart, app.open_key)
    return HelmBuild(empty, opened.chart, options, opened.texts)


def finish(mirror: mirrors.Mirror, build: HelmBuild, helm: Helm) -> RenderSet:
    """Run Helm, unless a run with the same inputs is remembered. Raises Stalled(HelmUnavailable) and Retry."""
    known = _built.get(build.key)
    if known is None:
        contents = trees.read(mirror, sorted({file.blob for file in build.chart.files.values()}))
        pointers = [
            RenderError(place, 1, 0, documents.LFS_PROBLEM)
            for place, file in build.chart.files.items()
            if place.endswith(_READ_BY_HELM) and documents.is_lfs_pointer(contents[file.blob])
        ]
        if pointers:
            return replace(build.empty, errors=tuple(pointers))
        packed = {place: _archive(one) for place, one in build.chart.packed.items()}
        objects, errors = helm.template(build.chart, build.options, contents, packed)
        errors = closedvalues.hidden((*errors, *closedvalues.shown_in(objects, build.texts)), build.texts)
        objects = objects if not errors else ()
        known = _Made(tuple((json.dumps(one.body), one.file, one.line) for one in objects), errors)
        _built.put(build.key, known)
    made = tuple(RenderedObject(json.loads(text), file, line) for text, file, line in known.objects)
    return replace(build.empty, objects=made, errors=known.errors)


def _as_read(options: HelmOptions, chart: Chart) -> str:
    """How the chart is read: its options, and the charts its lock brought."""
    told = [asdict(options), sorted((place, one.sha) for place, one in chart.packed.items())]
    return f"helm:{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}"


def _finder(app: AppContext) -> Callable[[Locked], Packed] | None:
    where = app.find_chart
    if where is None:
        return None

    def find(locked: Locked) -> Packed:
        repository = locked.repository.rstrip("/")
        mirror, revision = where(chartnames.text_of(repository, locked.name), chartnames.locked(locked.version))
        return Packed(locked.name, repository, revision.sha, commit_of(mirror, revision.sha))

    return find


def _archive(chart: Packed) -> bytes:
    files = list(chart.commit.tree.below(""))
    return archives.packed(chart.name, {file.path: chart.commit.read(file.blob) for file in files})


def _filled(given: Given, app: AppContext, values: Mapping[str, str], lent: Mapping[str, Commit]) -> dict[str, object]:
    """The options with variables filled in, and the cluster's versions where none are given."""

    def text(one: str) -> str:
        return buildenvironment.expanded(one, values)

    def file(one: str) -> str:
        # `$name/` is another source's file before it is a variable.
        named = re.match(r"\$\{?(\w+)", one)
        return one if named and (named[1] in lent or named[1] not in values) else text(one)

    told = given.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)
    told["valueFiles"] = [file(one) for one in given.value_files]
    told["parameters"] = [
        {"name": one.name, "value": text(one.value), "forceString": one.force_string} for one in given.parameters
    ]
    told["fileParameters"] = [{"name": one.name, "path": file(one.path)} for one in given.file_parameters]
    cluster = app.cluster()
    told["kubeVersion"] = given.kube_version or cluster.kubernetes
    told["apiVersions"] = list(given.api_versions or cluster.apis)
    return told
