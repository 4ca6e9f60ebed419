"""Fields that an app lets differ, against a real API server: not counted, not forced, by every kind of rule."""

import json
from typing import Any

import pytest
from operating import manifest
from syncing import DEPLOYMENT, Cluster, Repository, Start, wait_for

from gitsync.model.syncapps import SyncApp
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import DEPLOYMENTS, FLINK_DEPLOYMENTS


def make_app(cluster: Cluster, repository: Repository, **spec: Any) -> None:
    """An app `web` that heals by itself."""
    body: Object = {
        "apiVersion": "gitsync.io/v1alpha1",
        "kind": "SyncApp",
        "metadata": {"name": "web", "namespace": cluster.namespace},
        "spec": {
            "source": {"repoURL": str(repository.bare), "targetRevision": "main", "path": "web"},
            "destination": {"namespace": cluster.namespace},
            "syncPolicy": {"automated": {"selfHeal": True, "prune": True}},
            **spec,
        },
    }
    cluster.client.send(requests.create(requests.SYNC_APPS, cluster.namespace, body))


def synced(cluster: Cluster, revision: str) -> SyncApp:
    """The app once it is in sync with a revision."""

    def probe() -> SyncApp | None:
        app = cluster.app("web")
        sync = app.status.sync
        return app if sync is not None and (sync.status, sync.revision) == ("Synced", revision) else None

    return wait_for("the app in sync", probe)


def change(cluster: Cluster, spec: Object, manager: str = "somebody") -> None:
    """Change the live Deployment as somebody else."""
    request = requests.merge_patch(DEPLOYMENTS, cluster.namespace, "web", {"spec": spec}, field_manager=manager)
    cluster.client.send(request)


def deployment(cluster: Cluster) -> Object:
    """The live Deployment."""
    return cluster.get(DEPLOYMENTS, "web") or {}


def test_scaled_replicas_stay_through_commits_and_heals_without_any_rule(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"web/web.yaml": DEPLOYMENT, "apps/.keep": ""})
    start()
    make_app(cluster, repository)
    synced(cluster, first)
    scale = requests.merge_patch(
        DEPLOYMENTS, cluster.namespace, "web", {"spec": {"replicas": 3}}, subresource="scale", field_manager="hpa"
    )
    cluster.client.send(scale)
    second = repository.commit("second", {"web/web.yaml": DEPLOYMENT.replace("web:1", "web:2")})
    synced(cluster, second)
    live = deployment(cluster)
    assert (dig(live, "spec", "replicas"), live["spec"]["template"]["spec"]["containers"][0]["image"]) == (3, "web:2")


def test_a_scale_to_zero_and_back_is_not_fought_over(cluster: Cluster, repository: Repository, start: Start) -> None:
    """It leaves no owner behind, unlike an edit, which is undone."""
    one = DEPLOYMENT.replace("replicas: 0", "replicas: 2")
    first = repository.commit("first", {"web/web.yaml": one, "apps/.keep": ""})
    start()
    make_app(cluster, repository)
    synced(cluster, first)
    for number, replicas in enumerate((0, 5, 0)):
        body = {"spec": {"replicas": replicas}}
        scale = requests.merge_patch(
            DEPLOYMENTS, cluster.namespace, "web", body, subresource="scale", field_manager="keda"
        )
        cluster.client.send(scale)
        commit = repository.commit(f"number {number}", {"web/web.yaml": one.replace("web:1", f"web:{number}0")})
        synced(cluster, commit)
        live = deployment(cluster)
        assert dig(live, "spec", "replicas") == replicas
        assert live["spec"]["template"]["spec"]["containers"][0]["image"] == f"web:{number}0"
    change(cluster, {"replicas": 7}, "kubectl-edit")
    wait_for("the repair", lambda: dig(deployment(cluster), "spec", "replicas") == 2 or None)


@pytest.mark.parametrize(
    "rule",
    [
        {"jsonPointers": ["/spec/replicas"]},
        {"jqPathExpressions": [".spec | select(.replicas > 1) | .replicas"]},
        {"managedFieldsManagers": ["tuner"]},
    ],
    ids=["pointer", "jq", "manager"],
)
def test_a_rule_lets_a_field_differ_and_nothing_else(
    cluster: Cluster, repository: Repository, start: Start, rule: Object
) -> None:
    first = repository.commit("first", {"web/web.yaml": DEPLOYMENT, "apps/.keep": ""})
    start()
    make_app(cluster, repository, ignoreDifferences=[{"group": "apps", "kind": "Deployment", **rule}])
    synced(cluster, first)
    change(cluster, {"replicas": 4}, "tuner")
    change(cluster, {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}, "somebody")
    second = repository.commit("second", {"web/web.yaml": DEPLOYMENT.replace("web:1", "web:2")})
    synced(cluster, second)
    wait_for("the image", lambda: deployment(cluster)["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2")
    assert dig(deployment(cluster), "spec", "replicas") == 4
    live = deployment(cluster)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "web:evil"
    for field in ("managedFields", "resourceVersion"):
        live["metadata"].pop(field, None)
    cluster.client.send(requests.replace(DEPLOYMENTS, live, field_manager="tamperer"))
    wait_for("the heal", lambda: deployment(cluster)["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2")
    assert dig(deployment(cluster), "spec", "replicas") == 4


def test_a_jq_expression_that_cannot_be_used_is_named(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("first", {"web/web.yaml": DEPLOYMENT, "apps/.keep": ""})
    start()
    rule = {"group": "apps", "kind": "Deployment", "jqPathExpressions": [".spec["]}
    make_app(cluster, repository, ignoreDifferences=[rule])

    def message() -> str | None:
        found = [one.message for one in cluster.app("web").status.conditions if one.type == "Stalled"]
        return found[0] if found and "jq expression" in found[0] else None

    # The object is there after the first pass, so the rule is tried at the second.
    assert "'.spec['" in wait_for("the condition", message)


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_single_options_of_a_job(cluster: Cluster, repository: Repository, start: Start, form: str) -> None:
    """Of a map whose schema names no field: one may differ, one is undone, one goes with Git, a foreign one stays."""

    def job(image: str, **options: str) -> str:
        body = manifest(cluster.namespace)
        body["spec"]["image"] = image
        known = body["spec"]["flinkConfiguration"]
        given = {key.replace("_", "."): value for key, value in options.items()}
        known |= given if form == "flat" else {"web": {key.partition(".")[2]: value for key, value in given.items()}}
        return json.dumps(body)

    def live() -> dict[str, str]:
        found = (cluster.get(FLINK_DEPLOYMENTS, "app") or {})["spec"]["flinkConfiguration"]
        nested = {f"web.{key}": value for key, value in found.get("web", {}).items()}
        return {key: value for key, value in {**found, **nested}.items() if key.startswith("web.")}

    def edit(**values: str) -> None:
        given = {f"web.{key}": value for key, value in values.items()} if form == "flat" else {"web": values}
        body = {"spec": {"flinkConfiguration": given}}
        cluster.client.send(
            requests.merge_patch(FLINK_DEPLOYMENTS, cluster.namespace, "app", body, field_manager="somebody")
        )

    first = repository.commit(
        "first", {"web/job.json": job("a", web_free="1", web_ours="1", web_old="1"), "apps/.keep": ""}
    )
    start(role="sync")
    pointer = "/spec/flinkConfiguration/" + ("web.free" if form == "flat" else "web/free")
    rule = {"group": "flink.apache.org", "kind": "FlinkDeployment", "name": "app", "jsonPointers": [pointer]}
    make_app(cluster, repository, ignoreDifferences=[rule])
    synced(cluster, first)
    edit(free="2", ours="2", theirs="2")
    wait_for("the repair", lambda: live()["web.ours"] == "1" or None)
    assert live() == {"web.free": "2", "web.ours": "1", "web.old": "1", "web.theirs": "2"}
    second = repository.commit("second", {"web/job.json": job("b", web_free="1", web_ours="3")})
    synced(cluster, second)
    assert live() == {"web.free": "2", "web.ours": "3", "web.theirs": "2"}
