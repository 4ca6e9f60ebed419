"""Sync and compare options that objects carry as annotations, on a real API server (F44)."""

import json

import pytest
from operating import manifest
from syncing import DEPLOYMENT, ONE, SERVICE, Cluster, Repository, Run, Start, wait_for
from webapps import annotate, config, make_app, row, synced, told

from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, FLINK_DEPLOYMENTS, NAMESPACES, SERVICES, Resource

JOB = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: ticks}
spec: {image: "flink:1.20", flinkVersion: v1_20, serviceAccount: flink}
"""


def annotated(text: str, **annotations: str) -> str:
    """A manifest of one line of metadata, with annotations; names with a dash for an underscore."""
    given = ", ".join(f'"{name}": "{value}"' for name, value in annotations.items())
    return text.replace("metadata: {", f"metadata: {{annotations: {{{given}}}, ", 1)


def test_a_job_that_asks_to_be_replaced_is_refused_and_nothing_else_is_replaced(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    asks = {"argocd.argoproj.io/sync-options": "Replace=true"}
    first = repository.commit("One", {"apps/one.yaml": annotated(ONE, **asks)})
    start()
    cluster.wait_synced(first)
    uid = (cluster.get(CONFIG_MAPS, "one") or {})["metadata"]["uid"]
    second = repository.commit("Another value", {"apps/one.yaml": annotated(ONE.replace('"1"', '"9"'), **asks)})
    cluster.wait_synced(second)
    live = cluster.get(CONFIG_MAPS, "one") or {}
    assert (live["data"]["a"], live["metadata"]["uid"]) == ("9", uid)

    for option in ("Replace=true", "Force=true"):
        job = annotated(JOB, **{"gitsync.io/sync-options": option})
        repository.commit(option, {"apps/job.yaml": job})
        message = wait_for(f"{option} refused", lambda option=option: refused(cluster, option))
        assert "apps/job.yaml:1" in message and "loses the state of jobs" in message
        assert cluster.get(FLINK_DEPLOYMENTS, "ticks") is None


def refused(cluster: Cluster, option: str) -> str | None:
    """The message of Ready once it names the option."""
    status, _, message = cluster.condition("Ready")
    return message if status == "False" and option in message else None


UNKNOWN = SERVICE.replace("{name: admin, port: 8081}", "{name: admin, port: 8081, prot: x, colour: blue}").replace(
    "spec:", "spec:\n  selektor: {a: b}\n  owner: me", 1
)


@pytest.mark.parametrize("whose", ["app", "object"])
def test_unknown_fields_are_dropped_on_request(
    cluster: Cluster, repository: Repository, start: Start, run: Run, whose: str
) -> None:
    """A Service and a Flink job; refused with the names of the fields until somebody asks for it."""
    service, job = UNKNOWN, manifest(cluster.namespace, jarUri="x")
    job["spec"] |= {"imagge": "x", "podTemplate": {"spec": {"containerz": []}}}
    if whose == "object":
        asks = {"argocd.argoproj.io/sync-options": "Validate=false"}
        service = annotated(service, **asks)
        job["metadata"]["annotations"] = asks
    first = repository.commit("first", {"web/web.yaml": service, "web/job.json": json.dumps(job), "apps/.keep": ""})
    agent = start()
    make_app(cluster, repository, policy={"syncOptions": ["Validate=false"]} if whose == "app" else {})
    app = synced(cluster, first)
    live = cluster.get(SERVICES, "web") or {}
    assert {port["name"]: port["port"] for port in live["spec"]["ports"]} == {"http": 80, "admin": 8081}
    assert live["spec"]["selector"] == {"app": "web"} and "selektor" not in live["spec"]
    flink = cluster.get(FLINK_DEPLOYMENTS, "app") or {}
    assert flink["spec"]["image"] == "flink:1.20" and "imagge" not in flink["spec"]
    assert {one.name: one.status for one in app.status.resources} == {"web": "Synced", "app": "Synced"}
    code, text = run("plan", "--live", "--app", "web", "--repo", str(repository.bare))
    assert (code, "not declared" in text) == (0, False), text
    before = [version(cluster, kind, name) for kind, name in ((SERVICES, "web"), (FLINK_DEPLOYMENTS, "app"))]
    agent.stop()
    start()
    again = repository.commit("beside", {"web/one.yaml": ONE})
    synced(cluster, again)
    after = [version(cluster, kind, name) for kind, name in ((SERVICES, "web"), (FLINK_DEPLOYMENTS, "app"))]
    assert after == before, "a restart changes nothing"
    # What is wrong for another reason is refused as ever.
    repository.commit("wrong", {"web/web.yaml": service.replace("port: 80}", "port: 99999}")})
    assert "99999" in told(cluster, "web/web.yaml")


def version(cluster: Cluster, kind: Resource, name: str) -> str:
    """Tells whether an object was written."""
    return str((cluster.get(kind, name) or {})["metadata"]["resourceVersion"])


@pytest.mark.parametrize("whose", ["app", "object"])
def test_an_unserved_kind_is_waited_for_on_request(
    cluster: Cluster, repository: Repository, start: Start, whose: str
) -> None:
    group = f"{whose}.waited.example.org"
    gadget = f"apiVersion: {group}/v1\nkind: Gadget\nmetadata: {{name: g}}\nspec: {{size: 3}}\n"
    if whose == "object":
        gadget = annotated(gadget, **{"gitsync.io/sync-options": "SkipDryRunOnMissingResource=true"})
    revision = repository.commit("first", {"web/g.yaml": gadget, "web/one.yaml": ONE, "apps/.keep": ""})
    start()
    make_app(
        cluster, repository, policy={"syncOptions": ["SkipDryRunOnMissingResource=true"]} if whose == "app" else {}
    )
    assert wait_for("what needs no waiting", lambda: cluster.get(CONFIG_MAPS, "one"))
    told(cluster, "waits for definitions of this revision")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    meta = {"name": f"gadgets.{group}"}
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}
    cluster.client.send(requests.create(requests.CRDS, None, body))
    synced(cluster, revision)
    assert dig(cluster.get(Resource(group, "v1", "gadgets", "Gadget"), "g"), "spec", "size") == 3


def test_an_object_of_another_app_refuses_the_revision_or_only_itself(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"apps/one.yaml": ONE, "web/one.yaml": ONE.replace('"1"', '"9"'), "web/b.yaml": config("b")}
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    cluster.wait_synced(first)
    make_app(cluster, repository, policy={"syncOptions": ["FailOnSharedResource=true"]})
    assert "web/one.yaml:1: " in told(cluster, "belongs to the app")
    assert cluster.get(CONFIG_MAPS, "b") is None
    off = {"spec": {"syncPolicy": {"syncOptions": []}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "web", off))
    assert wait_for("what is not shared", lambda: cluster.get(CONFIG_MAPS, "b"))
    assert "belongs to the app" in told(cluster, "web/one.yaml:1: ")
    assert (cluster.get(CONFIG_MAPS, "one") or {})["data"]["a"] == "1"


def test_the_namespace_that_an_app_makes_carries_what_it_is_told_to(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    made = f"{cluster.namespace[:40]}-new"
    first = repository.commit("first", {"web/one.yaml": ONE, "apps/.keep": ""})
    start()
    metadata = {"labels": {"team": "a"}, "annotations": {"example.org/owner": "b"}}
    policy = {"syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": metadata}
    make_app(cluster, repository, policy=policy, destination={"namespace": made})
    synced(cluster, first)
    meta = cluster.client.send(requests.get(NAMESPACES, None, made))["metadata"]
    assert meta["labels"]["team"] == "a" and meta["annotations"] == {"example.org/owner": "b"}
    assert cluster.client.send(requests.get(CONFIG_MAPS, made, "one"))["data"]["a"] == "1"


def test_an_app_that_asks_for_objects_to_be_replaced_is_refused(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    repository.commit("first", {"web/one.yaml": ONE, "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"syncOptions": ["Replace=true"]})
    assert "the sync option 'Replace=true' is refused" in told(cluster, "syncOptions")
    assert cluster.get(CONFIG_MAPS, "one") is None


def test_what_was_changed_in_the_cluster_stays_without_self_heal_until_somebody_asks(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"web/web.yaml": DEPLOYMENT, "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": {}})
    synced(cluster, first)
    body = {"spec": {"minReadySeconds": 7, "revisionHistoryLimit": 3}}
    cluster.client.send(requests.merge_patch(DEPLOYMENTS, cluster.namespace, "web", body))
    image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:evil"}]}}}}
    cluster.client.send(requests.merge_patch(DEPLOYMENTS, cluster.namespace, "web", image))
    assert "self-heal is off" in told(cluster, "the cluster was changed")
    found = row(cluster.app("web"), "web")
    assert found.status == "OutOfSync" and "image" in (found.message or "")
    annotate(cluster, sync_requested="1")
    app = synced(cluster, first)
    live = cluster.get(DEPLOYMENTS, "web") or {}
    assert dig(live, "spec", "template", "spec", "containers")[0]["image"] == "web:1"
    assert live["spec"]["minReadySeconds"] == 7, "a field that Git does not mention is somebody else's"
    assert app.status.handled_sync_request == "1"
