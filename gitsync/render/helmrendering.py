"""The desired state a Helm chart of one commit describes, as a RenderSet like any other.

Joins what `helmcharts` finds needed with what `helm` makes of it. The result's `inputs` are all files
that decided it; a new file below the chart counts too, because templates see the whole chart.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.render import documents, helmcharts, kustomizations, selecting
from gitsync.render.helm import Helm
from gitsync.render.helmcharts import Commit
from gitsync.render.helmoptions import HelmOptions
from gitsync.render.selecting import Source

_READ_BY_HELM = (".yaml", ".yml", ".json", ".tpl", ".tgz")
LARGEST_CHART = 10 * 2**20
"""Bytes a chart and its value files may have together."""


def is_wanted(tree: trees.Listing, source: Source) -> bool:
    """Whether a source is a chart: Kustomize wins where both are at its top, patterns ask for plain files."""
    path = selecting.checked_path(source.path)
    if source.asks_for_plain_files or kustomizations.is_at(tree, path):
        return False
    return helmcharts.is_at(tree, path)


def commit_of(mirror: mirrors.Mirror, sha: str) -> Commit:
    """A commit to read charts and value files from."""
    return Commit(trees.listing(mirror, sha), lambda blob: trees.read(mirror, [blob])[blob])


def render(
    mirror: mirrors.Mirror,
    revision: Revision,
    path: str,
    options: HelmOptions,
    helm: Helm,
    others: Mapping[str, tuple[mirrors.Mirror, str]],
) -> RenderSet:
    """The chart at `path`; `others` are sources with a `ref`, as mirror and commit, by that name.

    Raises Stalled(PathNotFound or HelmUnavailable) and Retry. Runs Helm, which takes a while.
    """
    own = commit_of(mirror, revision.sha)
    directory = selecting.checked_path(path)
    selecting.check_directory(own.tree, directory, revision)
    commits = {name: commit_of(other, sha) for name, (other, sha) in others.items()}
    chart = helmcharts.needed(own, directory, options, commits)
    result = RenderSet(revision, directory, (), chart.inputs, (), chart.errors, _shown(options, others))
    if chart.size > LARGEST_CHART:
        problem = f"the chart has {chart.size} bytes, more than the {LARGEST_CHART} that are read"
        return replace(result, errors=(*chart.errors, RenderError(directory or ".", 0, 0, problem)))
    if chart.errors:
        return result
    contents = trees.read(mirror, sorted({file.blob for file in chart.files.values()}))
    pointers = [
        RenderError(place, 1, 0, documents.LFS_PROBLEM)
        for place, file in chart.files.items()
        if place.endswith(_READ_BY_HELM) and documents.is_lfs_pointer(contents[file.blob])
    ]
    if pointers:
        return replace(result, errors=tuple(pointers))
    objects, errors = helm.template(chart, options, contents)
    return replace(result, objects=objects, errors=errors)


def _shown(options: HelmOptions, others: Mapping[str, tuple[mirrors.Mirror, str]]) -> str:
    """Everything but the path, as a digest: values may hold secrets."""
    known = [asdict(options), sorted((name, other.url, sha) for name, (other, sha) in others.items())]
    return f"helm:{hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()}"
