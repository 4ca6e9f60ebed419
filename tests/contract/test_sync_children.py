"""Apps of apps and ApplicationSets through the whole sync half, against a real API server."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from git_repositories import config_map as data_map
from syncing import Agent, Cluster, Repository, Start, wait_for

from gitsync.render import children
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: NAME, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  source: {repoURL: ORIGIN, path: PATH, targetRevision: main}
  destination: {namespace: SPACE}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
"""
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: teams}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators: GENERATORS
  template:
    metadata: {name: 'team-{{ .path.basename }}'}
    spec:
      source: {repoURL: ORIGIN, path: '{{ .path.path }}', targetRevision: main}
      destination: {namespace: SPACE}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
"""
DIRECTORIES = "[{git: {repoURL: ORIGIN, revision: main, directories: [{path: teams/*}]}}]"


def config_map(name: str, value: str) -> str:
    return data_map(name, value=f'"{value}"')


class World:
    """One agent, its repository, and short ways to write Applications."""

    def __init__(self, cluster: Cluster, repository: Repository, start: Start) -> None:
        self.cluster, self.repository, self._start = cluster, repository, start

    def text(self, template: str, **words: str) -> str:
        words = {"ORIGIN": str(self.repository.bare), "SPACE": self.cluster.namespace, **words}
        for _ in range(2):
            for name, value in words.items():
                template = template.replace(name, value)
        return template

    def application(self, name: str, path: str) -> str:
        return self.text(APPLICATION, NAME=name, PATH=path)

    def app_set(self, generators: str = DIRECTORIES, **words: str) -> str:
        return self.text(SET, GENERATORS=generators, **words)

    def begin(self, **changes: object) -> Agent:
        return self._start(prune=True, **changes)

    def apps(self) -> set[str]:
        page = self.cluster.client.send(requests.listing(requests.SYNC_APPS, self.cluster.namespace))
        return {one["metadata"]["name"] for one in page["items"] if "deletionTimestamp" not in one["metadata"]}

    def wait_apps(self, *names: str) -> None:
        wait_for(f"the apps {names}", lambda: self.apps() == {"root", *names})

    def wait_map(self, name: str, value: str | None) -> None:
        def is_so() -> bool:
            found = self.cluster.get(requests.CONFIG_MAPS, name)
            return (dig(found, "data", "value") if found is not None else None) == value

        wait_for(f"ConfigMap {name}={value}", is_so)


@pytest.fixture
def world(cluster: Cluster, repository: Repository, start: Start) -> World:
    return World(cluster, repository, start)


def test_an_app_of_apps_makes_changes_and_removes_its_children(world: World) -> None:
    world.repository.commit(
        "two apps",
        {
            "apps/one.yaml": world.application("one", "content/one"),
            "apps/two.yaml": world.application("two", "content/two"),
            "content/one/a.yaml": config_map("one", "1"),
            "content/two/a.yaml": config_map("two", "1"),
        },
    )
    world.begin()
    world.wait_apps("one", "two")
    world.wait_map("one", "1")
    world.wait_map("two", "1")
    sha = world.repository.commit("change one", {"content/one/a.yaml": config_map("one", "2")})
    world.wait_map("one", "2")
    root = world.cluster.app()
    assert root.status.sync is not None and root.status.sync.revision != sha, "the root app did not change"
    world.repository.commit("drop two", {"apps/two.yaml": None})
    world.wait_apps("one")
    # The finalizer of the Application: its objects go with it.
    world.wait_map("two", None)
    world.wait_map("one", "2")


def test_a_set_follows_directories_and_never_deletes_everything_by_accident(world: World) -> None:
    files: dict[str, str | None] = {
        "apps/teams.yaml": world.app_set(),
        "apps/other.yaml": config_map("other", "1"),
        "teams/blue/a.yaml": config_map("blue", "1"),
        "teams/red/a.yaml": config_map("red", "1"),
    }
    world.repository.commit("two teams", files)
    world.begin()
    world.wait_apps("team-blue", "team-red")
    world.wait_map("blue", "1")
    world.repository.commit(
        "one more, one less", {"teams/green/a.yaml": config_map("green", "1"), "teams/red/a.yaml": None}
    )
    world.wait_apps("team-blue", "team-green")
    world.wait_map("green", "1")
    world.wait_map("red", None)
    moved: dict[str, str | None] = {"teams/blue/a.yaml": None, "teams/green/a.yaml": None, "squads/x": "moved"}
    world.repository.commit("move all teams away", moved)
    message = world.cluster.wait_not_ready("PruneBlocked")
    assert "generates no app at all" in message and "allowEmpty" in message
    assert world.apps() == {"root", "team-blue", "team-green"}
    world.repository.commit("bring one back", {"teams/blue/a.yaml": config_map("blue", "2")})
    world.wait_apps("team-blue")
    world.wait_map("blue", "2")


def test_a_commit_that_changes_no_answer_of_a_generator_costs_the_set_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    family = children.family

    def counted(*given: Any) -> children.Family:
        made.append(len(made))
        return family(*given)

    monkeypatch.setattr(children, "family", counted)
    world.repository.commit("a set", {"apps/teams.yaml": world.app_set(), "teams/blue/a.yaml": config_map("blue", "1")})
    agent = world.begin()
    world.wait_apps("team-blue")
    world.wait_map("blue", "1")
    wait_for("Ready", lambda: world.cluster.condition("Ready")[0] == "True")
    before, status = len(made), world.cluster.app().status
    sha = world.repository.commit("a team's content", {"teams/blue/a.yaml": config_map("blue", "2"), "README.md": "x"})
    world.wait_map("blue", "2")
    assert agent.half.newest(str(world.repository.bare), "main") == sha
    assert len(made) == before
    assert world.cluster.app().status.sync == status.sync
    world.repository.commit("another team", {"teams/red/a.yaml": config_map("red", "1")})
    world.wait_apps("team-blue", "team-red")
    assert len(made) > before


def test_an_unsupported_generator_is_one_condition_and_touches_nothing_else(world: World) -> None:
    files: dict[str, str | None] = {
        "apps/teams.yaml": world.app_set(),
        "teams/blue/a.yaml": config_map("blue", "1"),
        "apps/other.yaml": config_map("other", "1"),
    }
    world.repository.commit("a set", files)
    world.begin()
    world.wait_apps("team-blue")
    wrong = {"apps/teams.yaml": world.app_set("[{clusters: {}}]"), "apps/other.yaml": config_map("other", "2")}
    sha = world.repository.commit("clusters", dict(wrong))
    message = world.cluster.wait_not_ready("RenderFailed")
    assert "apps/teams.yaml:1" in message and "spec.generators[0].clusters" in message
    world.wait_map("other", "2")
    assert world.apps() == {"root", "team-blue"}
    assert world.cluster.app().status.attempted_revision == sha
    world.repository.commit("directories again", {"apps/teams.yaml": world.app_set()})
    wait_for("Ready", lambda: world.cluster.condition("Ready")[0] == "True")
    assert world.apps() == {"root", "team-blue"}


def test_apps_of_apps_in_a_circle_are_refused(world: World) -> None:
    files: dict[str, str | None] = {
        "apps/a.yaml": world.application("a", "a"),
        "a/b.yaml": world.application("b", "b"),
        "b/a.yaml": world.application("a", "a"),
        "b/root.yaml": world.application("root", "apps"),
        "b/map.yaml": config_map("inner", "1"),
    }
    world.repository.commit("a circle", files)
    world.begin()
    world.wait_apps("a", "b")
    world.wait_map("inner", "1")

    def told() -> str | None:
        app = world.cluster.app("b")
        return " ".join(problem.message for problem in app.status.problems) or None

    text = wait_for("the circle to be told", told)
    assert "a → b → a" in text and "root → a → b → root" in text
    assert world.cluster.app().spec.main.path == "apps"


@pytest.fixture
def argo_kinds(client: Client, cluster: Cluster) -> Iterator[None]:
    """Argo CD's kind of Applications, served for one test."""
    names = {"kind": "Application", "listKind": "ApplicationList", "plural": "applications", "singular": "application"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    body: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "applications.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
        },
    }
    client.send(requests.create(requests.CRDS, None, body))

    def established() -> bool:
        found = client.send(requests.get(requests.CRDS, None, "applications.argoproj.io"))
        conditions = dig(found, "status", "conditions", default=[])
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    wait_for("the definition", established)
    try:
        yield
    finally:
        with contextlib.suppress(errors.NotFound):
            client.send(requests.delete(requests.CRDS, None, "applications.argoproj.io"))

        def gone() -> bool:
            try:
                client.send(requests.get(requests.CRDS, None, "applications.argoproj.io"))
            except errors.NotFound:
                return True
            return False

        wait_for("the definition's end", gone)


@pytest.mark.parametrize("follows", ["auto", "always"])
def test_where_argo_cd_is_installed_its_applications_are_followed_on_request_only(
    argo_kinds: None, world: World, follows: str
) -> None:
    application = world.application("one", "content").replace("resources-finalizer.argocd.argoproj.io", "")
    world.repository.commit("an app", {"apps/one.yaml": application, "content/a.yaml": config_map("one", "1")})
    world.begin(argocd_applications=follows)
    applications = requests.Resource("argoproj.io", "v1alpha1", "applications", "Application")
    if follows == "always":
        world.wait_apps("one")
        world.wait_map("one", "1")
        assert world.cluster.get(applications, "one") is None
    else:
        wait_for("the Application", lambda: world.cluster.get(applications, "one"))
        wait_for("the note", lambda: "left to Argo CD" in world.cluster.condition("Ready")[2])
        assert world.apps() == {"root"}
