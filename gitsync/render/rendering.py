"""The desired state one directory of one commit describes, for whoever has a directory and no app.

A directory is plain manifests, a Kustomization or a chart, told apart and read as for an app that says
nothing more than `Source` does. The agent goes through `layouts` and its lane.
"""

from gitsync.git import mirrors
from gitsync.model import sources
from gitsync.model.rendersets import RenderSet
from gitsync.model.revisions import Revision
from gitsync.render import layouts
from gitsync.render.buildenvironment import AppContext
from gitsync.render.helm import Helm
from gitsync.render.kustomize import Kustomize
from gitsync.render.plain import LARGEST_APP
from gitsync.render.selecting import Source


def render(
    mirror: mirrors.Mirror,
    revision: Revision,
    source: Source,
    *,
    app: AppContext | None = None,
    previous: RenderSet | None = None,
    builder: Kustomize | None = None,
) -> RenderSet:
    """The desired state of `source` at `revision`; its objects are the caller's own.

    `previous`, a result for an earlier commit, saves the work when nothing that was read changed.
    Raises Stalled(PathNotFound) when there is no such directory, Stalled(KustomizeMissing or HelmUnavailable),
    and Retry when the mirror cannot be read. Runs Kustomize or Helm where the directory wants it.
    """
    given = {"repoURL": mirror.url, "path": source.path, "directory": source.given}
    wanted = sources.Source.model_validate(given)
    return render_source(layouts.Place(wanted, mirror, revision), app, previous=previous, builder=builder)


def render_source(
    place: layouts.Place,
    app: AppContext | None = None,
    *,
    previous: RenderSet | None = None,
    builder: Kustomize | None = None,
) -> RenderSet:
    """As `render`, with everything a source can say and for the app that says it."""
    context = app or AppContext("release", destination="default")
    match layouts.prepare(place, context, {}, previous):
        case RenderSet() as rendered:
            return rendered
        case build:
            return layouts.finish(place.mirror, build, layouts.Tools(builder or Kustomize(), Helm()))


__all__ = ["LARGEST_APP", "Source", "render", "render_source"]
