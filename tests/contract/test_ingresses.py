"""The Ingress of a cluster against a real API server: made, changed and removed beside the job, healed, guarded."""

import pytest
from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.decide import specdiff
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.model import lastspecs

ASKED: Object = {
    "template": "{{name}}.{{namespace}}.example.com/ui",
    "className": "nginx",
    "labels": {"team": "a"},
    "annotations": {"example.com/a": "b"},
    "tls": [{"hosts": ["app.example.com"], "secretName": "certificate"}],
}


@pytest.fixture
def cluster(client: Client, namespace: str, operator: Operator) -> FlinkCluster:
    """Shorthands for reading and writing."""
    return FlinkCluster(client, namespace)


def deploy(cluster: FlinkCluster, *, session: bool = False, **options: str) -> None:
    """A cluster that asks for an Ingress."""
    body = manifest(cluster.namespace)
    body["spec"]["ingress"] = ASKED
    body["spec"]["flinkConfiguration"] |= options
    if session:
        del body["spec"]["job"]
    cluster.create(body)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")


def ingress(cluster: FlinkCluster) -> Object:
    """The Ingress, {} when there is none."""
    try:
        return cluster.client.send(requests.get(requests.INGRESSES, cluster.namespace, "app"))
    except errors.NotFound:
        return {}


def host(cluster: FlinkCluster) -> object:
    """The host of its rule."""
    return dig(ingress(cluster), "spec", "rules", 0, "host")


@pytest.mark.parametrize("session", [False, True], ids=["application", "session"])
def test_an_ingress_lives_beside_the_cluster(cluster: FlinkCluster, session: bool) -> None:
    """Nothing is deployed again for it; the record says what is there, so that a hand-over finds no difference."""
    deploy(cluster, session=session)
    until(lambda: ingress(cluster))
    made, before = ingress(cluster), cluster.deployment()["metadata"]["uid"]
    assert made["metadata"]["labels"] == {"team": "a", "component": "ingress"}
    assert made["metadata"]["annotations"] == {"example.com/a": "b"}
    assert dig(made, "metadata", "ownerReferences", 0, "uid") == cluster.resource()["metadata"]["uid"]
    backend = {"service": {"name": "app-rest", "port": {"number": 8081}}}
    path = {"path": "/ui", "pathType": "ImplementationSpecific", "backend": backend}
    assert made["spec"] == {
        "ingressClassName": "nginx",
        "rules": [{"host": f"app.{cluster.namespace}.example.com", "http": {"paths": [path]}}],
        "tls": ASKED["tls"],
    }
    generation = cluster.edit({"ingress": {"template": "other.example.com"}})
    until(lambda: host(cluster) == "other.example.com")
    until(lambda: cluster.status("observedGeneration") == generation)
    recorded = lastspecs.decode(str(cluster.status("reconciliationStatus", "lastReconciledSpec")))
    assert specdiff.classify(recorded.spec, cluster.resource()["spec"]).paths == (
        () if session else ("job.upgradeMode",)
    )
    cluster.edit({"ingress": None})
    until(lambda: not ingress(cluster))
    assert cluster.deployment()["metadata"]["uid"] == before


def test_what_others_do_to_an_ingress_is_set_right(cluster: FlinkCluster) -> None:
    """A deleted one is made again, a changed host is changed back, an added annotation stays."""
    deploy(cluster)
    until(lambda: ingress(cluster))
    cluster.client.send(requests.delete(requests.INGRESSES, cluster.namespace, "app"))
    until(lambda: ingress(cluster))
    wanted = host(cluster)
    patch: Object = {
        "metadata": {"annotations": {"example.com/controller": "x"}},
        "spec": {"rules": [{"host": "wrong.example.com"}]},
    }
    cluster.client.send(requests.merge_patch(requests.INGRESSES, cluster.namespace, "app", patch))
    until(lambda: host(cluster) == wanted)
    assert dig(ingress(cluster), "metadata", "annotations", "example.com/controller") == "x"


def test_somebody_elses_ingress_is_left_alone(cluster: FlinkCluster) -> None:
    """It is told; the cluster does not suffer."""
    backend = {"service": {"name": "elsewhere", "port": {"number": 1}}}
    foreign: Object = {"metadata": {"name": "app"}, "spec": {"defaultBackend": backend}}
    cluster.client.send(requests.create(requests.INGRESSES, cluster.namespace, foreign))
    deploy(cluster)
    until(lambda: "IngressManagement" in cluster.events())
    assert dig(ingress(cluster), "spec", "defaultBackend") == backend
    assert not dig(ingress(cluster), "metadata", "ownerReferences")
    assert cluster.deployment()


def test_an_operator_that_does_not_manage_ingresses_says_so(cluster: FlinkCluster) -> None:
    """As the Java operator does."""
    deploy(cluster, **{"kubernetes.operator.ingress.manage": "false"})
    until(lambda: "IngressManagement" in cluster.events())
    assert not ingress(cluster)
