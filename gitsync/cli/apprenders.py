"""What the agent would make of a live SyncApp: all its sources, by its tools, with child apps in place.

The same stages as a pass of the agent, without its lanes: a command may wait. Credentials are those of the
command line, else the agent's own Secrets where they may be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitsync.charts.chartmirrors import ChartMirror
from gitsync.cli import locating, previewing
from gitsync.cli.run import local_path
from gitsync.desired import aims, families, opening
from gitsync.git.access import Credentials
from gitsync.git.mirrors import Mirror
from gitsync.model import chartnames
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.render import children, compositions, layouts
from gitsync.render.agekeys import AgeKeys
from gitsync.render.buildenvironment import ClusterVersions
from gitsync.render.helm import Helm
from gitsync.render.kustomize import Kustomize
from gitsync.render.layouts import Place, Tools
from gitsync.render.lookups import Lookups
from gitsync.rights.credentialstores import CredentialStore
from gitsync.sandbox import caches
from gitsync.settings import Settings
from operator_core.kube.capabilities import Capabilities
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery

_SECRETS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Which commit of an app, and how its repositories are reached. `repo`: another place of the main one."""

    app: SyncApp
    revision: str
    namespace: str
    repo: str = ""
    username: object = None
    password_file: object = None
    age_keys: AgeKeys = field(default_factory=AgeKeys)
    """Without any, what SOPS encrypted stays so."""
    follows: families.FollowsApplications = "auto"
    mirrors: dict[str, Mirror] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The desired state with child apps in place of Applications, and the commit of the main source."""

    whole: RenderSet
    revision: Revision
    problems: tuple[Problem, ...]


def render(client: Client, asked: Asked) -> Rendered:
    """Everything the app should have. Raises Stalled and Retry."""
    app = asked.app
    places = [
        Place(source, mirror, previewing.resolve(mirror, ref))
        for source, (url, ref) in zip(app.spec.all_sources, aims.followed(app, asked.revision), strict=True)
        for mirror in [_mirror(client, asked, url)]
    ]
    main = places[app.spec.all_sources.index(app.spec.main)].revision
    whole = _composed(client, asked, places)
    problems = tuple(aims.problem_from(error) for error in whole.errors)
    find_kind = Discovery(client).find
    if problems or not children.has_any(whole.objects) or not families.is_followed(asked.follows, find_kind):
        return Rendered(whole, main, problems)

    def find(url: str, revision: str) -> tuple[Mirror, Revision]:
        mirror = _mirror(client, asked, url)
        return mirror, previewing.resolve(mirror, revision)

    family = children.family(whole.objects, AppName(app.namespace, app.name), Lookups(find))
    joined = replace(whole, objects=family.objects, warnings=(*whole.warnings, *family.warnings))
    return Rendered(joined, main, family.problems)


def _composed(client: Client, asked: Asked, places: Sequence[Place]) -> RenderSet:
    capabilities = Capabilities(client)

    def find(url: str, ref: str) -> tuple[Mirror, Revision]:
        mirror = _mirror(client, asked, url)
        return mirror, mirror.resolve(ref)

    context = replace(
        aims.context_of(asked.app, asked.namespace, lambda: ClusterVersions(*capabilities.read())),
        find_chart=find,
        open_key=asked.age_keys.open_key if asked.age_keys.identities else None,
    )
    parts = compositions.check([place.source for place in places])
    prepared: Mapping[int, layouts.Prepared] = compositions.prepare(places, parts, context, None)
    tools = Tools(Kustomize(), Helm())
    made = {
        number: one if isinstance(one, RenderSet) else layouts.finish(places[number].mirror, one, tools)
        for number, one in prepared.items()
    }
    whole = compositions.joined(places, parts, made, context).whole
    if not asked.age_keys.identities:
        return whole
    return opening.opened(whole, made, [place.mirror for place in places], asked.age_keys)


def _mirror(client: Client, asked: Asked, url: str) -> Mirror:
    if url not in asked.mirrors:
        place = asked.repo if asked.repo and url == asked.app.spec.main.repo_url else url
        if chartnames.is_chart(url):
            found = _credentials(client, asked.namespace, chartnames.split(url)[0])
            asked.mirrors[url] = ChartMirror(url, caches.cache_dir() / "charts", credentials=found)
            return asked.mirrors[url]
        if isinstance(asked.password_file, Path):
            asked.mirrors[url] = locating.mirror(place, asked.username, asked.password_file)
        else:
            directory = caches.cache_dir() / "mirrors"
            found = _credentials(client, asked.namespace, url)
            asked.mirrors[url] = Mirror(local_path(place) or "", directory, credentials=found)
    return asked.mirrors[url]


def _credentials(client: Client, namespace: str, url: str) -> Credentials | None:
    """The agent's own, where its Secrets may be read."""
    store = CredentialStore(client, Settings(namespace=namespace))
    store.start()
    try:
        store.wait_synced(_SECRETS_SECONDS)
        found = store.find(url)
        # A command may wait for what it reads; only the agent fetches files when they are needed.
        return replace(found, partial=False) if found is not None else None
    finally:
        store.stop()
