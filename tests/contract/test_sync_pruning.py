"""What a sync takes away, and what it must leave."""

from syncing import ONE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS


def test_prune_takes_only_what_is_ours(cluster: Cluster, repository: Repository, start: Start) -> None:
    names = ("one", "two", "three")
    files: dict[str, str | None] = {f"apps/{name}.yaml": ONE.replace("one", name) for name in names}
    first = repository.commit("first", files)
    start(prune=True)
    cluster.wait_synced(first)
    live = cluster.get(CONFIG_MAPS, "two")
    assert live is not None
    stolen = {
        **live["metadata"]["annotations"],
        "gitsync.io/tracking-id": f"x/other:/ConfigMap:{cluster.namespace}/two",
    }
    second = repository.commit("less", {"apps/three.yaml": None})
    cluster.wait_synced(second)
    wait_for("pruning", lambda: cluster.get(CONFIG_MAPS, "three") is None or None)
    wait_for("a clean inventory", lambda: len(cluster.app().status.inventory) == 2 or None)
    body = {"metadata": {"annotations": stolen}}
    repository.commit("stop looking", {"apps/one.yaml": ONE.replace('"1"', '"9"'), "apps/two.yaml": None})
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "two", body))
    wait_for("the change", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "9" or None)


def test_prune_off_keeps_and_says_so(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE, "apps/two.yaml": ONE.replace("one", "two")})
    start()
    cluster.wait_synced(first)
    repository.commit("less", {"apps/two.yaml": None})
    wait_for("OutOfSync", lambda: _kept(cluster))
    assert cluster.get(CONFIG_MAPS, "two") is not None
    assert cluster.condition("Ready")[0] == "True"


def _kept(cluster: Cluster) -> bool | None:
    return any(r.name == "two" and r.requires_pruning for r in cluster.app().status.resources) or None


def test_a_commit_that_leaves_nothing_deletes_nothing(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start(prune=True)
    cluster.wait_synced(first)
    repository.commit("all gone", {"apps/one.yaml": None, "apps/README.md": "empty"})
    message = cluster.wait_not_ready("PruneBlocked")
    assert "allowEmpty" in message
    assert cluster.get(CONFIG_MAPS, "one") is not None


def test_object_with_a_finalizer_is_waited_for_and_named(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    held = ONE.replace("{name: one}", '{name: held, finalizers: ["example.org/keep"]}')
    first = repository.commit("two", {"apps/one.yaml": ONE, "apps/held.yaml": held})
    start(prune=True)
    cluster.wait_synced(first)
    second = repository.commit("one", {"apps/held.yaml": None})
    message = cluster.wait_not_ready("Progressing")
    assert message.endswith("/held is being deleted; waits for the finalizer example.org/keep")
    app = cluster.app()
    assert any(entry.id.endswith("/held") for entry in app.status.inventory), "it is not forgotten while it is there"
    assert [row.message for row in app.status.resources if row.name == "held"] == [
        "being deleted; waits for the finalizer example.org/keep"
    ]
    body = {"metadata": {"finalizers": None}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "held", body))
    app = cluster.wait_synced(second)
    assert not any(entry.id.endswith("/held") for entry in app.status.inventory)
