"""What is kept although Git has it no longer, and what lets it go (F44): options of objects and of the app."""

from syncing import DEPLOYMENT, Cluster, Repository, Start, wait_for
from webapps import annotate, config, make_app, ready, row, synced, told

from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, SYNC_APPS, Resource

REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")


def gone(cluster: Cluster, name: str) -> None:
    wait_for(f"the end of {name}", lambda: cluster.get(CONFIG_MAPS, name) is None)


def test_an_object_that_may_not_be_pruned_counts_unless_it_says_otherwise(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    kept = config("kept", sync_options="Prune=false")
    quiet = config("quiet", sync_options="Prune=false", compare_options="IgnoreExtraneous")
    files = {"web/a.yaml": config("a"), "web/kept.yaml": kept, "web/quiet.yaml": quiet, "apps/.keep": ""}
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    second = repository.commit("without the quiet one", {"web/quiet.yaml": None})
    app = synced(cluster, second)
    found = row(app, "quiet")
    assert found.requires_pruning and found.message == "its sync-options say Prune=false"
    third = repository.commit("without the other", {"web/kept.yaml": None})
    app = synced(cluster, third, "OutOfSync")
    assert row(app, "kept").requires_pruning and ready(cluster)[0] == "True"
    assert "2 object(s) no longer in Git are kept" in ready(cluster)[1]
    assert cluster.get(CONFIG_MAPS, "kept") and cluster.get(CONFIG_MAPS, "quiet")
    # The way out: the option goes from the object, and then the object.
    name = "gitsync.io/sync-options"
    free = {"metadata": {"annotations": {name: None}}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "kept", free))
    gone(cluster, "kept")
    synced(cluster, third)


def test_an_object_that_is_extraneous_does_not_count_where_pruning_is_off(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    quiet = config("quiet").replace("name: quiet", "name: quiet, annotations: {%s}")
    quiet %= "argocd.argoproj.io/compare-options: IgnoreExtraneous"
    first = repository.commit("first", {"web/a.yaml": config("a"), "web/q.yaml": quiet, "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": {"selfHeal": True}})
    synced(cluster, first)
    second = repository.commit("without", {"web/q.yaml": None})
    assert row(synced(cluster, second), "quiet").message == "no longer in Git; pruning is off"
    assert cluster.get(CONFIG_MAPS, "quiet")


def test_an_app_prunes_nothing_but_what_overrides_it(cluster: Cluster, repository: Repository, start: Start) -> None:
    files = {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""}
    files["web/c.yaml"] = config("c", sync_options="Prune=true")
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"syncOptions": ["Prune=false"]})
    synced(cluster, first)
    second = repository.commit("less", {"web/b.yaml": None, "web/c.yaml": None})
    gone(cluster, "c")
    app = synced(cluster, second, "OutOfSync")
    assert row(app, "b").message == "its sync-options say Prune=false"


def test_a_deletion_that_asks_for_a_word_gets_it_or_waits(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"web/a.yaml": config("a"), "web/b.yaml": config("b", sync_options="Prune=confirm"), "apps/.keep": ""}
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    second = repository.commit("less", {"web/b.yaml": None, "web/a.yaml": config("a", "2")})
    assert "Prune=confirm: approve it with `gitsync approve`" in told(cluster, f"{cluster.namespace}/b")
    live = wait_for("the change beside it", lambda: cluster.get(CONFIG_MAPS, "a"))
    assert live["data"] == {"a": "2"} and cluster.get(CONFIG_MAPS, "b")
    annotate(cluster, approved=second)
    gone(cluster, "b")
    synced(cluster, second)


def test_an_app_that_goes_leaves_what_says_so_and_asks_where_it_must(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {
        "web/a.yaml": config("a"),
        "web/keep.yaml": config("keep", sync_options="Delete=false"),
        "web/ask.yaml": config("ask", sync_options="Delete=confirm"),
        "apps/.keep": "",
    }
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={}, finalizers=("gitsync.io/cascade",))
    synced(cluster, first)
    cluster.client.send(requests.delete(SYNC_APPS, cluster.namespace, "web"))
    gone(cluster, "a")
    assert "Delete=confirm: approve it with `gitsync approve`" in told(cluster, f"{cluster.namespace}/ask")
    assert cluster.get(CONFIG_MAPS, "ask")
    annotate(cluster, approved=first)
    gone(cluster, "ask")
    wait_for("the end of the app", lambda: cluster.get(SYNC_APPS, "web") is None)
    assert cluster.get(CONFIG_MAPS, "keep")


def test_how_a_deletion_propagates_is_the_app_s_or_the_object_s_choice(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    """Orphaned replica sets stay, those of a foreground deletion go with their Deployment."""
    orphans = DEPLOYMENT.replace("name: web", "name: left", 1)
    noted = "name: taken, annotations: {gitsync.io/sync-options: PrunePropagationPolicy=foreground}"
    files = {
        "web/a.yaml": config("a"),
        "web/left.yaml": orphans.replace("app: web", "app: left"),
        "web/taken.yaml": DEPLOYMENT.replace("name: web", noted, 1).replace("app: web", "app: taken"),
        "apps/.keep": "",
    }
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"syncOptions": ["PrunePropagationPolicy=orphan"]})
    synced(cluster, first)
    wait_for("the replica sets", lambda: replica_sets(cluster) == {"left", "taken"})
    second = repository.commit("less", {"web/left.yaml": None, "web/taken.yaml": None})
    synced(cluster, second)
    wait_for("the end of both", lambda: not any(cluster.get(DEPLOYMENTS, one) for one in ("left", "taken")))
    wait_for("what is left", lambda: replica_sets(cluster) == {"left"})


def replica_sets(cluster: Cluster) -> set[str]:
    """The label `app` of every replica set."""
    items = cluster.client.send(requests.listing(REPLICA_SETS, cluster.namespace))["items"]
    return {one["metadata"]["labels"]["app"] for one in items}


def test_a_commit_that_leaves_nothing_takes_everything_where_it_may(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": {"prune": True, "allowEmpty": True}})
    synced(cluster, first)
    second = repository.commit("nothing", {"web/a.yaml": None, "web/b.yaml": None, "web/README.md": "x"})
    gone(cluster, "a")
    gone(cluster, "b")
    # The write that says so names what it deleted; the pass after it does not any more.
    wait_for("a clean inventory", lambda: synced(cluster, second).status.inventory == () or None)
