"""What an app may read and where it may go: its destination, and what its project says of repositories.

Every check raises Stalled with the rule that refuses; which project an app has is decided elsewhere.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gitsync.git import urls
from gitsync.git.mirrors import Mirror
from gitsync.git.submodules import Module
from gitsync.model.projects import Project
from gitsync.model.rendersets import RenderSet
from gitsync.model.syncapps import SyncApp
from gitsync.plan import projects
from gitsync.render.agekeys import AgeKeys
from gitsync.rights import credentials
from operator_core.errors import Reason, Stalled

_OWN_SERVERS = ("", "https://kubernetes.default.svc")
_OWN_NAMES = ("", "in-cluster")


def check_destination(app: SyncApp) -> None:
    """Raise Stalled when the app wants another cluster than the agent's own."""
    destination = app.spec.destination
    if destination.server.rstrip("/") not in _OWN_SERVERS or destination.name not in _OWN_NAMES:
        other = destination.server or destination.name
        raise Stalled(
            Reason.DestinationUnsupported,
            f"the destination {other!r} is another cluster; an agent serves the cluster it runs in, so run one there",
        )


def check_project(app: SyncApp, project: Project) -> None:
    """Raise Stalled when the app's project does not allow a repository of it or its destination namespace."""
    for source in app.spec.all_sources:
        check_repository(source.repo_url, project)
    if app.spec.destination.namespace:
        projects.check_namespace(project, app.spec.destination.namespace)


def check_modules(project: Project, modules: Iterable[Module], result: RenderSet) -> None:
    """Raise Stalled when a render read a submodule whose repository the project does not allow."""
    for module in modules:
        if not module.problem and any(one.path.startswith(f"{module.path}/") for one in result.inputs):
            projects.check_source(project, module.url, credentials.normalised(module.url))


def check_repository(url: str, project: Project) -> None:
    """Raise Stalled when the project does not allow a repository."""
    projects.check_source(project, urls.without_credentials(url), credentials.normalised(url))


@dataclass(frozen=True, slots=True)
class Permits:
    """What an app's project asks of what it reads, and what it may read; the first two raise Stalled.

    `verify` (app, mirror, name, commit): where the project asks for another signature. `age_keys`: the keys
    that open encrypted Secrets for a project.
    """

    verify: Callable[[SyncApp, Mirror, str, str], None]
    find_project: Callable[[str], Project]
    age_keys: Callable[[str], AgeKeys]
