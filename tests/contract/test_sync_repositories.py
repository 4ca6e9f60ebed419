"""Whole repositories: several apps in one, what is pruned and what never, and a repository that misbehaves."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.git import notes
from gitsync.git.mirrors import Mirror
from gitsync.model.records import Phase
from gitsync.settings import Settings
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS

Start = Callable[..., Agent]


def config_map(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n"


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """Start an agent whose apps and objects share the test's namespace."""
    agents = contextlib.ExitStack()
    count = iter(range(10))

    def begin(**changes: object) -> Agent:
        settings = Settings.model_validate(
            {
                "repo": str(repository.bare),
                "revision": "main",
                "path": "apps",
                "recurse": False,
                "cluster": "test",
                "namespace": cluster.namespace,
                "destination_namespace": cluster.namespace,
                "prune": True,
                "poll_seconds": 0.2,
                **changes,
            }
        )
        agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / f"agent-{next(count)}")
        agents.callback(agent.stop)
        return agent

    with agents:
        yield begin


def app_file(cluster: Cluster, repository: Repository, name: str, *, cascade: bool = False) -> str:
    """A SyncApp of the directory `data/NAME`."""
    body: Object = {
        "apiVersion": "gitsync.io/v1alpha1",
        "kind": "SyncApp",
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": {
            "source": {"repoURL": str(repository.bare), "targetRevision": "main", "path": f"data/{name}"},
            "destination": {"namespace": cluster.namespace},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}},
        },
    }
    if cascade:
        body["metadata"]["finalizers"] = ["gitsync.io/cascade"]
    return json.dumps(body)


def uid(cluster: Cluster, name: str) -> str | None:
    """The uid of a live ConfigMap."""
    found = dig(cluster.get(CONFIG_MAPS, name), "metadata", "uid")
    return str(found) if found else None


def owner(cluster: Cluster, name: str) -> str:
    """The app that tracks a ConfigMap."""
    text = dig(cluster.get(CONFIG_MAPS, name), "metadata", "annotations", "gitsync.io/tracking-id", default="")
    return str(text).partition(":")[0].rpartition("/")[2]


def wait_gone(cluster: Cluster, name: str) -> None:
    wait_for(f"the end of {name}", lambda: cluster.get(CONFIG_MAPS, name) is None or None)


def wait_here(cluster: Cluster, name: str) -> str:
    return wait_for(name, lambda: uid(cluster, name))


def two_apps(cluster: Cluster, repository: Repository, *, cascade: bool = False) -> dict[str, str | None]:
    return {
        "apps/left.yaml": app_file(cluster, repository, "left", cascade=cascade),
        "apps/right.yaml": app_file(cluster, repository, "right"),
        "data/left/README.md": "of the left",
        "data/left/one.yaml": config_map("one"),
        "data/left/two.yaml": config_map("two"),
        "data/right/three.yaml": config_map("three"),
    }


def test_an_object_that_moves_between_apps_is_handed_over_and_never_deleted(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    repository.commit("first", two_apps(cluster, repository))
    start()
    before = {name: wait_here(cluster, name) for name in ("one", "two", "three")}
    repository.commit(
        "move", {"data/left/one.yaml": None, "data/right/one.yaml": config_map("one"), "data/left/two.yaml": None}
    )
    wait_for("the new owner", lambda: owner(cluster, "one") == "right" or None)
    wait_gone(cluster, "two")
    # An app that is new in the same commit takes over as well.
    repository.commit(
        "more",
        {
            "apps/new.yaml": app_file(cluster, repository, "new"),
            "data/right/three.yaml": None,
            "data/new/three.yaml": config_map("three"),
        },
    )
    wait_for("the newest owner", lambda: owner(cluster, "three") == "new" or None)
    assert {name: uid(cluster, name) for name in ("one", "three")} == {k: before[k] for k in ("one", "three")}
    for name in ("left", "right", "new"):
        wait_for(f"{name} in sync", lambda name=name: _is_synced(cluster, name))  # type: ignore[misc]


def _is_synced(cluster: Cluster, name: str) -> bool | None:
    status = cluster.app(name).status
    ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions)
    return (ready and status.sync is not None and status.sync.status == "Synced") or None


def test_an_app_removed_from_git_leaves_its_objects_unless_it_asks_to_take_them_along(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    repository.commit("first", two_apps(cluster, repository, cascade=True))
    start()
    for name in ("one", "two", "three"):
        wait_here(cluster, name)
    foreign = {"metadata": {"annotations": {"gitsync.io/tracking-id": "somebody/else:x"}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "left", _suspension()))
    wait_for("the suspension", lambda: cluster.app("left").suspension is not None or None)
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "two", foreign))
    repository.commit("away", {"apps/left.yaml": None, "apps/right.yaml": None, "apps/keep.yaml": config_map("keep")})
    wait_for("the end of right", lambda: cluster.get(SYNC_APPS, "right") is None or None)
    wait_for("the blockage", lambda: _told(cluster, "left", "is suspended"))
    assert wait_here(cluster, "one")
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "left", _suspension(None)))
    wait_for("the end of left", lambda: cluster.get(SYNC_APPS, "left") is None or None)
    assert cluster.get(CONFIG_MAPS, "one") is None
    assert uid(cluster, "two") is not None
    assert uid(cluster, "three") is not None


def _suspension(value: str | None = "{}") -> Object:
    return {"metadata": {"annotations": {"gitsync.io/suspend": value}}}


def _told(cluster: Cluster, name: str, text: str) -> bool | None:
    return any(text in c.message for c in cluster.app(name).status.conditions) or None


def test_a_render_that_fails_half_way_prunes_nothing_in_any_app(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", two_apps(cluster, repository))
    start()
    for name in ("one", "two", "three"):
        wait_here(cluster, name)
    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: four\n"
    repository.commit("half", {"data/left/one.yaml": None, "data/left/zzz.yaml": config_map("four") + "---\n" + broken})
    wait_for("RenderFailed", lambda: _told(cluster, "left", "data/left/zzz.yaml:"))
    assert uid(cluster, "one") is not None and cluster.get(CONFIG_MAPS, "four") is None
    assert cluster.app("right").status.attempted_revision == first
    repository.commit("healed", {"data/left/zzz.yaml": None})
    wait_gone(cluster, "one")


def test_an_object_somebody_else_took_is_left_alone(cluster: Cluster, repository: Repository, start: Start) -> None:
    files: dict[str, str | None] = {f"apps/{name}.yaml": config_map(name) for name in ("one", "two", "three")}
    first = repository.commit("first", files)
    agent = start()
    cluster.wait_synced(first)
    agent.stop()
    other = {"metadata": {"annotations": {"gitsync.io/tracking-id": None}}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "two", other))
    second = repository.commit("less", {"apps/two.yaml": None, "apps/three.yaml": None})
    start()
    cluster.wait_synced(second)
    wait_gone(cluster, "three")
    assert uid(cluster, "two") is not None
    assert [entry.id for entry in cluster.app().status.inventory] == [f"/ConfigMap:{cluster.namespace}/one"]


def test_a_force_pushed_branch_is_followed_and_its_lost_commit_has_an_end(
    cluster: Cluster, repository: Repository, start: Start, tmp_path: Path
) -> None:
    first = repository.commit("first", {"apps/one.yaml": config_map("one")})
    start()
    cluster.wait_synced(first)
    second = repository.commit("second", {"apps/one.yaml": config_map("one", "2")})
    cluster.wait_synced(second)
    _git(repository.work, "reset", "-q", "--hard", first)
    (repository.work / "apps" / "one.yaml").write_text(config_map("one", "3"))
    _git(repository.work, "commit", "-q", "-a", "-m", "rewritten")
    _git(repository.work, "push", "-q", "--force", str(repository.bare), "main")
    third = _git(repository.work, "rev-parse", "HEAD").strip()
    cluster.wait_synced(third)
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "3"
    mirror = Mirror(str(repository.bare), tmp_path / "reader")

    def ends() -> bool | None:
        phases = {record.phase for record in notes.read(mirror, "test", third)}
        return Phase.STABLE in phases or None

    wait_for("the record", ends)


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True).stdout


def test_a_repository_that_vanishes_prunes_nothing_is_still_defended_and_goes_on_when_it_is_back(
    cluster: Cluster, repository: Repository, start: Start, tmp_path: Path
) -> None:
    first = repository.commit("first", {"apps/one.yaml": config_map("one"), "apps/two.yaml": config_map("two")})
    start()
    cluster.wait_synced(first)
    away = tmp_path / "away"
    shutil.move(repository.bare, away)
    message = cluster.wait_not_ready("RepositoryUnreachable")
    assert "bare.git" in message
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "one"))
    wait_here(cluster, "one")
    assert uid(cluster, "two") is not None
    shutil.move(away, repository.bare)
    second = repository.commit("second", {"apps/two.yaml": config_map("two", "2")})
    cluster.wait_synced(second)


def test_a_key_that_may_not_push_is_told_and_changes_nothing_else(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    _git(repository.bare, "config", "transfer.hideRefs", "refs/notes")
    _git(repository.bare, "config", "--add", "transfer.hideRefs", "refs/heads/gitsync")
    first = repository.commit("first", {"apps/one.yaml": config_map("one")})
    start()
    cluster.wait_synced(first)
    wait_for("WriteBack", lambda: cluster.condition("WriteBack")[:2] == ("False", "PushForbidden") or None)
    assert cluster.condition("Ready")[0] == "True"
    second = repository.commit("second", {"apps/one.yaml": config_map("one", "2")})
    cluster.wait_synced(second)


def test_agents_of_two_clusters_tell_one_repository_at_the_same_time(
    cluster: Cluster, client: Client, repository: Repository, start: Start, tmp_path: Path
) -> None:
    first = repository.commit("first", {"apps/one.yaml": config_map("one")})
    second_namespace = f"{cluster.namespace[:40]}-2"
    client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": second_namespace}}))
    start(cluster="east")
    start(cluster="west", namespace=second_namespace, destination_namespace=second_namespace)
    mirror = Mirror(str(repository.bare), tmp_path / "reader")

    def told(sha: str) -> bool | None:
        found = [{r.phase for r in notes.read(mirror, name, sha)} for name in ("east", "west")]
        return all(Phase.STABLE in phases for phases in found) or None

    wait_for("both records", lambda: told(first))
    shas = [repository.commit(f"change {n}", {"apps/one.yaml": config_map("one", str(n))}) for n in range(3)]
    wait_for("both records of the last commit", lambda: told(shas[-1]), seconds=40)
    for one in (cluster, Cluster(client, second_namespace)):
        one.wait_synced(shas[-1])
        wait_for("WriteBack", lambda one=one: one.condition("WriteBack")[0] == "True" or None)  # type: ignore[misc]
