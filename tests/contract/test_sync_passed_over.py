"""A commit costs the apps it touches a pass and the others nothing; what those want stays known all the same."""

import itertools
import json

import pytest
from syncing import Cluster, Repository, Start, wait_for

from gitsync.desired.fetching import Move
from gitsync.desired.targets import Targets
from gitsync.model.identities import AppName
from operator_core.jsonvalues import Object, dig
from operator_core.kube.requests import CONFIG_MAPS

APPS = {"root", "left", "right"}


def config_map(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n"


class World:
    """Two apps of a root app, and whom each commit passed over."""

    def __init__(self, cluster: Cluster, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster, self.repository = cluster, repository
        self.told: dict[str, dict[str, bool]] = {}
        self.numbers = itertools.count(2)
        passes_over = Targets.passes_over

        def recorded(targets: Targets, name: AppName, move: Move) -> bool:
            found = passes_over(targets, name, move)
            self.told.setdefault(move.new.sha, {})[name.name] = found
            return found

        monkeypatch.setattr(Targets, "passes_over", recorded)

    def app(self, name: str) -> str:
        source = {"repoURL": str(self.repository.bare), "targetRevision": "main", "path": f"data/{name}"}
        body: Object = {
            "apiVersion": "gitsync.io/v1alpha1",
            "kind": "SyncApp",
            "metadata": {"name": name, "namespace": self.cluster.namespace},
            "spec": {
                "source": source,
                "destination": {"namespace": self.cluster.namespace},
                "syncPolicy": {"automated": {"prune": True, "allowEmpty": True}},
            },
        }
        return json.dumps(body)

    def passed_over(self, files: dict[str, str]) -> set[str]:
        """Commit; the apps that need no pass for that."""
        sha = self.repository.commit("next", dict(files))
        found = wait_for("every app to be thought of", lambda: self._of(sha))
        return {name for name, is_passed in found.items() if is_passed}

    def _of(self, sha: str) -> dict[str, bool] | None:
        found = self.told.get(sha, {})
        return found if set(found) == APPS else None

    def value(self, name: str) -> str | None:
        found = dig(self.cluster.get(CONFIG_MAPS, name), "data", "a")
        return str(found) if found is not None else None

    def wait_value(self, name: str, value: str | None) -> None:
        wait_for(f"{name} = {value}", lambda: self.value(name) == value)


@pytest.fixture
def world(cluster: Cluster, repository: Repository, start: Start, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(cluster, repository, monkeypatch)
    files = {
        "data/left/one.yaml": config_map("one"),
        "data/left/two.yaml": config_map("two"),
        "data/left/README.md": "",
    }
    apps = {f"apps/{name}.json": found.app(name) for name in ("left", "right")}
    repository.commit("first", {**files, **apps, "data/right/three.yaml": config_map("three")})
    start(prune=True)
    for name in ("one", "two", "three"):
        found.wait_value(name, "1")
    # Passes that the first sync still causes may be under way: some commit meets an agent at rest.
    wait_for("a commit that wakes nobody", lambda: found.passed_over({"README.md": str(next(found.numbers))}) == APPS)
    return found


def test_a_commit_wakes_the_apps_it_touches_and_no_other(world: World) -> None:
    def only_left_is_woken() -> bool:
        value = str(next(world.numbers))
        others = world.passed_over({"data/left/one.yaml": config_map("one", value)})
        world.wait_value("one", value)
        assert "left" not in others
        return others == {"root", "right"}

    wait_for("a commit that wakes one app", only_left_is_woken)
    world.passed_over({"data/right/three.yaml": config_map("three", "changed")})
    world.wait_value("three", "changed")


def test_what_an_app_wants_is_known_after_commits_that_passed_it_over(world: World) -> None:
    world.repository.commit("without one", {"data/left/one.yaml": None})
    world.wait_value("one", None)
    uid = dig(world.cluster.get(CONFIG_MAPS, "two"), "metadata", "uid")
    world.repository.commit("moved", {"data/left/two.yaml": None, "data/right/two.yaml": config_map("two", "moved")})
    world.wait_value("two", "moved")
    assert dig(world.cluster.get(CONFIG_MAPS, "two"), "metadata", "uid") == uid, "handed over, not deleted"
    world.repository.commit("none left", {"data/right/two.yaml": None})
    world.wait_value("two", None)


def test_a_commit_that_mends_an_app_is_looked_at_whatever_it_was_made_of_before(world: World) -> None:
    world.repository.commit("gone", {"data/right/three.yaml": None})

    def stalled() -> str | None:
        ready = [one for one in world.cluster.app("right").status.conditions if one.type == "Ready"]
        return ready[0].message if ready and ready[0].reason == "PathNotFound" else None

    assert "data/right" in wait_for("the missing path", stalled)
    world.repository.commit("back", {"data/right/three.yaml": config_map("three")})
    wait_for("right to be mended", lambda: stalled() is None)
    world.repository.commit("changed", {"data/right/three.yaml": config_map("three", "mended")})
    world.wait_value("three", "mended")
