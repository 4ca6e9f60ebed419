"""The variables that texts of a source may name: `$ARGOCD_APP_NAME` and its like, filled in as Argo CD does.

Pure. Rules: Argo CD, "Build Environment", and Go's os.Expand: `$NAME` or `${NAME}`, `$$` is a dollar sign,
a name that is not known is empty.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gitsync.model.revisions import Revision
from gitsync.model.sources import Source
from gitsync.render.lookups import Find
from gitsync.render.sops import Opener

_REVISION = "ARGOCD_APP_REVISION"
_NAMED = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}|(?P<special>[*#$@!?0-9-])|(?P<name>\w+)|(?P<open>\{))", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClusterVersions:
    """What charts ask of a cluster: its release, and `group/version` and `group/version/Kind` of what it serves."""

    kubernetes: str = ""
    apis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppContext:
    """What rendering may know of an app. `control_namespace` is the agent's; `cluster` is only asked for charts.

    `children`: what apps of directories have in common, where each directory below the path is one (`directories`).
    """

    name: str
    namespace: str = ""
    control_namespace: str = ""
    project: str = "default"
    destination: str = ""
    children: str = ""
    cluster: Callable[[], ClusterVersions] = field(default=ClusterVersions, compare=False)
    open_key: Opener | None = field(default=None, compare=False)
    """Opens what SOPS encrypted in value files; without it they stay closed."""
    find_chart: Find | None = field(default=None, compare=False)
    """Where a chart is that a lock names, by `chartnames`; without it nothing is looked up elsewhere."""

    @property
    def declared(self) -> list[str]:
        """What a render may depend on, as texts."""
        return [self.name, self.namespace, self.control_namespace, self.project, self.destination, self.children]


def variables(app: AppContext, source: Source, revision: Revision) -> Mapping[str, str]:
    """Every variable by its name."""
    return {
        "ARGOCD_APP_NAME": app.name,
        "ARGOCD_APP_NAMESPACE": app.destination,
        "ARGOCD_APP_PROJECT_NAME": app.project,
        _REVISION: revision.sha,
        f"{_REVISION}_SHORT": revision.sha[:7],
        f"{_REVISION}_SHORT_8": revision.sha[:8],
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
    }


def expanded(text: str, values: Mapping[str, str]) -> str:
    """The text with every variable filled in."""

    def one(found: re.Match[str]) -> str:
        if found["special"]:
            return "$" if found["special"] == "$" else ""
        # What is no name at all is eaten, as os.Expand eats it.
        return "" if found["open"] else values.get(found["braced"] or found["name"] or "", "")

    return _NAMED.sub(one, text)


def names_the_commit(texts: Iterable[str]) -> bool:
    """Whether filling in gives another text for every commit."""
    return any(_REVISION in text for text in texts)
