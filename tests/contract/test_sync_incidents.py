"""What went wrong at others, replayed with a real API server: nothing is deleted, fought over or forgotten."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cuttable
import pytest
from cuttable import Road
from syncing import DEPLOYMENT, ONE, Agent, Cluster, Repository, Start, following, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, Request

MANY = 60


def config(name: str, value: str = "1") -> str:
    return f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: "{value}"}}\n'


def uids(cluster: Cluster) -> dict[str, str]:
    """The ConfigMaps that an app tracks."""
    items = cluster.client.send(requests.listing(CONFIG_MAPS, cluster.namespace))["items"]
    tracked = (one for one in items if "gitsync.io/tracking-id" in one["metadata"].get("annotations", {}))
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in tracked}


@pytest.fixture
def road(kubeconfig: Path, tmp_path: Path) -> Iterator[Road]:
    with cuttable.road(kubeconfig, tmp_path) as made:
        yield made


@pytest.fixture
def afar(cluster: Cluster, repository: Repository, road: Road, tmp_path: Path) -> Iterator[Agent]:
    """An agent whose way to the API server can be cut."""
    settings = following(cluster, repository, prune=True)
    agent = Agent(Client.connect(kubeconfig=road.kubeconfig), settings, tmp_path / "agent")
    yield agent
    agent.stop()


def cut_after(monkeypatch: pytest.MonkeyPatch, agent: Agent, road: Road, writes: int) -> threading.Event:
    """Cut the road when the agent is about to write one ConfigMap more than `writes`."""
    lock, left, done = threading.Lock(), [writes], threading.Event()
    send = Client.send

    def counted(self: Client, request: Request, **more: Any) -> Object:
        if self is agent.half.client and request.method == "PATCH" and "/configmaps/" in request.path:
            with lock:
                left[0] -= 1
                if left[0] == -1:
                    road.cut()
                    done.set()
        return send(self, request, **more)

    monkeypatch.setattr(Client, "send", counted)
    return done


def test_the_api_server_goes_away_in_the_middle_of_a_sync(
    cluster: Cluster, repository: Repository, afar: Agent, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | None] = {f"apps/{n:02}.yaml": config(f"map-{n:02}") for n in range(MANY)}
    first = repository.commit("many", {**files, "apps/gone.yaml": config("gone")})
    cluster.wait_synced(first)
    before = uids(cluster)
    cut = cut_after(monkeypatch, afar, road, MANY // 3)
    changed: dict[str, str | None] = {name: (text or "").replace('"1"', '"2"') for name, text in files.items()}
    second = repository.commit("change them all, drop one", {**changed, "apps/gone.yaml": None})
    assert cut.wait(60)
    written = {name for name in before if dig(cluster.get(CONFIG_MAPS, name), "data", "a") == "2"}
    assert len(written) < MANY, "the road was cut before the end"
    assert uids(cluster) == before, "nothing is pruned by a sync that did not get through"
    app = cluster.app()
    assert app.status.sync is not None and app.status.sync.revision == first, "a half sync is no sync"
    road.mend()
    app = cluster.wait_synced(second)
    assert uids(cluster) == {name: uid for name, uid in before.items() if name != "gone"}
    assert {dig(cluster.get(CONFIG_MAPS, name), "data", "a") for name in uids(cluster)} == {"2"}
    assert [entry.revision for entry in app.status.history] == [first, second]
    wait_for("a clean inventory", lambda: len(cluster.app().status.inventory) == MANY or None)


def test_drift_and_a_commit_of_an_outage_are_found_after_it(
    cluster: Cluster, repository: Repository, afar: Agent, road: Road
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE, "apps/two.yaml": config("two")})
    cluster.wait_synced(first)
    before = uids(cluster)
    road.cut()
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "two"))
    wait_for("the deletion", lambda: cluster.get(CONFIG_MAPS, "two") is None)
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"9"')})
    wait_for("the commit is seen", lambda: afar.half.newest(str(repository.bare), "main") == second or None)
    road.mend()
    cluster.wait_synced(second)
    wait_for("what was deleted meanwhile", lambda: cluster.get(CONFIG_MAPS, "two"))
    assert uids(cluster)["one"] == before["one"]
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "9"


@pytest.mark.parametrize(
    "emptied",
    [
        {"apps/kustomization.yaml": "resources: []\n", "apps/one.yaml": None, "apps/two.yaml": None},
        {"apps/kustomization.yaml": None, "apps/one.yaml": "# moved\n", "apps/two.yaml": "---\n"},
        {"apps/kustomization.yaml": None, "apps/one.yaml": "[]\n", "apps/two.yaml": "{}\n"},
    ],
    ids=["nothing listed", "comments only", "no objects"],
)
def test_a_render_that_comes_out_empty_deletes_nothing(
    cluster: Cluster, repository: Repository, start: Start, emptied: dict[str, str | None]
) -> None:
    listed = "resources: [one.yaml, two.yaml]\n"
    files = {"apps/one.yaml": ONE, "apps/two.yaml": config("two"), "apps/kustomization.yaml": listed}
    first = repository.commit("first", files)
    start(prune=True)
    cluster.wait_synced(first)
    before = uids(cluster)
    repository.commit("emptied", emptied)

    def refused() -> str | None:
        status, reason, message = cluster.condition("Ready")
        return message if status == "False" and reason in ("PruneBlocked", "RenderFailed") else None

    message = wait_for("the refusal", refused)
    assert "allowEmpty" in message or "apps/" in message
    assert uids(cluster) == before
    third = repository.commit("back", {**files, "apps/one.yaml": ONE.replace('"1"', '"3"')})
    cluster.wait_synced(third)
    assert uids(cluster) == before


def test_an_object_whose_controller_is_gone_is_named_and_holds_nothing_else_up(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    held = config("held").replace("{name: held}", '{name: held, finalizers: ["gone.example.org/protect"]}')
    first = repository.commit("first", {"apps/one.yaml": ONE, "apps/held.yaml": held})
    start(prune=True)
    cluster.wait_synced(first)
    repository.commit("drop it", {"apps/held.yaml": None})
    message = cluster.wait_not_ready("Progressing")
    assert "gone.example.org/protect" in message
    # Neither a later commit nor drift waits for it.
    repository.commit("more", {"apps/one.yaml": ONE.replace('"1"', '"2"'), "apps/new.yaml": config("new")})
    wait_for("the new object", lambda: cluster.get(CONFIG_MAPS, "new"))
    wait_for("the change", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "2" or None)
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "new"))
    wait_for("the repair", lambda: cluster.get(CONFIG_MAPS, "new"))
    # What comes back into Git while it is on its way out is made anew once it is gone.
    back = repository.commit("it is wanted again", {"apps/held.yaml": config("held", "again")})
    wait_for("the name", lambda: "held" in cluster.condition("Ready")[2] or None)
    body = {"metadata": {"finalizers": None}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "held", body))
    wait_for("the new one", lambda: dig(cluster.get(CONFIG_MAPS, "held") or {}, "data", "a") == "again" or None)
    cluster.wait_synced(back)


def scale(cluster: Cluster, replicas: int, *, subresource: str | None) -> None:
    """As an autoscaler does: through `/scale`, or in the object itself."""
    body = {"spec": {"replicas": replicas}}
    request = requests.merge_patch(
        DEPLOYMENTS, cluster.namespace, "web", body, subresource=subresource, field_manager="autoscaler"
    )
    cluster.client.send(request)


def test_self_heal_and_an_autoscaler_do_not_fight(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/web.yaml": DEPLOYMENT})
    start()
    cluster.wait_synced(first)
    for replicas in (2, 3, 4):
        scale(cluster, replicas, subresource="scale")
    second = repository.commit("another image", {"apps/web.yaml": DEPLOYMENT.replace("web:1", "web:2")})
    # No pod ever runs here, so that the app is not Ready: in sync is what counts.
    wait_for("the commit", lambda: _synced_to(cluster) == second or None)
    live = cluster.get(DEPLOYMENTS, "web") or {}
    assert (dig(live, "spec", "replicas"), live["spec"]["template"]["spec"]["containers"][0]["image"]) == (4, "web:2")


def _synced_to(cluster: Cluster) -> str | None:
    sync = cluster.app().status.sync
    return sync.revision if sync is not None and sync.status == "Synced" else None


def test_a_writer_that_never_gives_up_is_named_and_not_raced(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    agent = start()
    cluster.wait_synced(first)

    def contested() -> str | None:
        live = cluster.get(CONFIG_MAPS, "one") or {}
        if dig(live, "data", "a") == "1":
            body = {"data": {"a": "theirs"}}
            request = requests.merge_patch(CONFIG_MAPS, cluster.namespace, "one", body, field_manager="stubborn")
            cluster.client.send(request)
        reason, message = cluster.condition("Ready")[1:]
        return message if reason == "DriftContested" else None

    message = wait_for("the name of the fight", contested, seconds=60)
    assert "something else keeps changing" in message and "data.a" in message
    sent = agent.half.client.requests_sent
    # The pause begins with seconds and grows; within one a write of theirs is left alone.
    body = {"data": {"a": "theirs"}}
    for _ in range(20):
        cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "one", body, field_manager="stubborn"))
    assert agent.half.client.requests_sent - sent < 20, "a fight is no storm of requests"
    # A commit that takes the field out of Git ends it.
    second = repository.commit("leave it to them", {"apps/one.yaml": ONE.replace('a: "1", ', "")})
    cluster.wait_synced(second)
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "one", body, field_manager="stubborn"))
    cluster.wait_synced(second)
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data") == {"a": "theirs", "b": "2"}
