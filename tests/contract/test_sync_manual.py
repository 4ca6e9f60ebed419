"""Syncs on request: they go on to their end where automated sync is off, and delete what they are asked to."""

from syncing import Cluster, Repository, Run, Start, wait_for
from webapps import annotate, config, make_app, row, synced, told

from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS


def test_a_sync_on_request_goes_through_all_its_waves(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    files = {"web/a.yaml": config("a"), "web/b.yaml": config("b", sync_wave="1"), "apps/.keep": ""}
    files["web/c.yaml"] = config("c", sync_wave="2")
    revision = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    assert cluster.get(CONFIG_MAPS, "a") is None
    code, text = run("sync", "web")
    assert code == 0, text
    synced(cluster, revision)
    assert cluster.get(CONFIG_MAPS, "c")


def test_hooks_of_a_sync_on_request_run_before_and_after_it(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"web/a.yaml": config("a"), "apps/.keep": ""}
    files["web/pre.yaml"] = config("pre", hook="PreSync")
    files["web/post.yaml"] = config("post", hook="PostSync")
    revision = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="1")
    synced(cluster, revision)
    wait_for("the hook after it", lambda: cluster.get(CONFIG_MAPS, "post"))
    wait_for("its end", lambda: (found := cluster.app("web").status.operation) and found.phase == "Succeeded")
    # A commit that nobody asked for is compared alone, although a request was served before.
    repository.commit("second", {"web/a.yaml": config("a", "2")})
    told(cluster, "automated sync is off")
    live = cluster.get(CONFIG_MAPS, "a")
    assert live is not None and live["data"]["a"] == "1"


def test_what_git_no_longer_has_goes_on_request_wave_by_wave(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""}
    files["web/c.yaml"] = config("c", sync_wave="2")
    repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="1")
    wait_for("the last wave", lambda: cluster.get(CONFIG_MAPS, "c"))
    second = repository.commit("less", {"web/b.yaml": None, "web/c.yaml": None, "web/d.yaml": config("d")})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="2")
    app = synced(cluster, second, "OutOfSync")
    assert row(app, "b").message == "no longer in Git; pruning is off" and cluster.get(CONFIG_MAPS, "c")
    annotate(cluster, sync_requested="3 prune")
    synced(cluster, second)
    assert cluster.get(CONFIG_MAPS, "b") is None and cluster.get(CONFIG_MAPS, "c") is None
    wait_for("its end", lambda: (found := cluster.app("web").status.operation) and found.phase == "Succeeded")


def test_one_object_of_many_is_deleted_on_request(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    files = {f"web/{name}.yaml": config(name) for name in "abc"}
    first = repository.commit("first", files | {"apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": {"selfHeal": True}})
    synced(cluster, first)
    second = repository.commit("less", {"web/b.yaml": None, "web/c.yaml": None})
    synced(cluster, second, "OutOfSync")
    code, text = run("sync", "web", "--dry-run")
    assert "pruning is off" in text and "\nprune " not in text, text
    code, text = run("sync", "web", "--dry-run", "--prune", "--only", "ConfigMap/b")
    assert code == 1 and f"prune   ConfigMap {cluster.namespace}/b " in text and f"{cluster.namespace}/c" not in text
    run("sync", "web", "--prune", "--only", "ConfigMap/b", "--no-wait")
    wait_for("the deletion", lambda: cluster.get(CONFIG_MAPS, "b") is None)
    third = repository.commit("more", {"web/d.yaml": config("d")})
    app = synced(cluster, third, "OutOfSync")
    assert row(app, "c").message == "no longer in Git; pruning is off" and cluster.get(CONFIG_MAPS, "c")


def test_going_back_needs_no_automation(cluster: Cluster, repository: Repository, start: Start, run: Run) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="1")
    synced(cluster, first)
    second = repository.commit("second", {"web/a.yaml": config("a", "2")})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="2")
    synced(cluster, second)
    assert run("rollback", "web", "--reason", "it was better")[0] == 0
    synced(cluster, first)
    live = cluster.get(CONFIG_MAPS, "a")
    assert live is not None and live["data"]["a"] == "1" and "rolled back: it was better" in told(cluster, "rolled")


def test_another_source_at_the_same_commit_is_synced_where_self_heal_is_off(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    only = repository.commit("first", {"web/a.yaml": config("a"), "more/a.yaml": config("a", "2"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": {}})
    synced(cluster, only)
    change = {"spec": {"source": {"repoURL": str(repository.bare), "targetRevision": "main", "path": "more"}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "web", change))
    wait_for("the other source", lambda: (live := cluster.get(CONFIG_MAPS, "a")) and live["data"]["a"] == "2")
    synced(cluster, only)
    # What somebody else changes is still left alone.
    by_hand = {"data": {"a": "3"}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "a", by_hand))
    told(cluster, "self-heal is off")
