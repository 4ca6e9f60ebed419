"""The way out of a lost JobManager whose state is in an S3-compatible store: the newest there is found and restored."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import s3servers
from operating import FlinkCluster, manifest, until
from s3servers import ACCESS, SECRET, S3Server

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client

pytestmark = pytest.mark.full
BUCKET = "states"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3servers.running(tmp_path_factory.mktemp("s3")) as made:
        made.bucket(BUCKET)
        yield made


@pytest.fixture
def cluster(client: Client, namespace: str, operator: Operator) -> FlinkCluster:
    return FlinkCluster(client, namespace)


def _lost(cluster: FlinkCluster, body: Object) -> str:
    """A job that ran, without its JobManager; its id."""
    cluster.create(body)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED" and cluster.deployment())
    record = dig(cluster.resource(), "status", "reconciliationStatus", "lastReconciledSpec")
    ran = {
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING", "startTime": "1767268800000"},
        "reconciliationStatus": {"lastStableSpec": record},
    }
    kinds = requests.FLINK_DEPLOYMENTS, cluster.namespace, "app"
    cluster.client.send(requests.merge_patch(*kinds, {"status": ran}, subresource="status"))
    uid = dig(cluster.deployment(), "metadata", "uid")
    cluster.client.send(requests.delete(requests.DEPLOYMENTS, cluster.namespace, "app", uid=uid))
    until(lambda: cluster.condition("UpgradeBlocked")[:2] == ("True", "Missing"))
    return str(cluster.status("jobStatus", "jobId"))


def _ask(cluster: FlinkCluster, request: str) -> None:
    patch = {"metadata": {"annotations": {"gitsync.io/restore-from": request}}}
    cluster.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app", patch))


def _stored(namespace: str, server: S3Server, **conf: str) -> Object:
    body = manifest(namespace, upgradeMode="last-state")
    directories = {
        "state.checkpoints.dir": f"s3://{BUCKET}/{namespace}/cp",
        "state.savepoints.dir": f"s3a://{BUCKET}/{namespace}/sp",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": f"s3://{BUCKET}/{namespace}/ha",
    }
    body["spec"]["flinkConfiguration"] = {**directories, **server.conf, **conf}
    return body


def test_a_lost_job_goes_on_from_the_newest_in_s3(cluster: FlinkCluster, namespace: str, server: S3Server) -> None:
    keys = {"s3.access-key": ACCESS, "s3.secret-key": SECRET}
    job = _lost(cluster, _stored(namespace, server, **keys))
    server.put(BUCKET, f"{namespace}/sp/savepoint-{job[:6]}-000000000001/_metadata")
    server.put(BUCKET, f"{namespace}/cp/{'f' * 32}/chk-99/_metadata")
    server.put(BUCKET, f"{namespace}/cp/{job}/chk-13/part")
    until(lambda: _is_newest(server, f"{namespace}/cp/{job}/chk-12/_metadata"))
    _ask(cluster, "r1 latest")
    newest = f"s3://{BUCKET}/{namespace}/cp/{job}/chk-12"
    until(lambda: cluster.status("jobStatus", "upgradeSavepointPath") == newest)
    until(lambda: newest in json.dumps(_config_maps(cluster)))
    assert cluster.condition("RequestsHandled")[2] == "r1"


def _is_newest(server: S3Server, key: str) -> bool:
    """Put it again until it is younger than all else: the store tells whole seconds."""
    server.put(BUCKET, key)
    times = {each.object_name: each.last_modified for each in server.client().list_objects(BUCKET, recursive=True)}
    return all(time < times[key] for name, time in times.items() if name != key)


def _config_maps(cluster: FlinkCluster) -> Object:
    return cluster.client.send(requests.listing(requests.CONFIG_MAPS, cluster.namespace))


def test_keys_of_the_pod_template_are_read_from_its_secret(
    cluster: FlinkCluster, namespace: str, server: S3Server, client: Client
) -> None:
    body = _stored(namespace, server)
    env = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "store", "key": key}}}
        for name, key in (("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"))
    ]
    body["spec"]["podTemplate"] = {"spec": {"containers": [{"name": "flink-main-container", "env": env}]}}
    job = _lost(cluster, body)
    server.put(BUCKET, f"{namespace}/cp/{job}/chk-3/_metadata")
    _ask(cluster, "r1 latest")
    until(lambda: "AWS_SECRET_ACCESS_KEY of the pod template has no value" in cluster.condition("UpgradeBlocked")[2])
    held = {"metadata": {"name": "store"}, "stringData": {"id": ACCESS, "key": SECRET}}
    client.send(requests.create(requests.SECRETS, namespace, held))
    _ask(cluster, "r2 latest")
    until(lambda: cluster.status("jobStatus", "upgradeSavepointPath") == f"s3://{BUCKET}/{namespace}/cp/{job}/chk-3")
    assert SECRET not in json.dumps(cluster.status("conditions")) and SECRET not in str(cluster.events())


def test_a_store_that_refuses_is_told_with_what_is_recorded(
    cluster: FlinkCluster, namespace: str, server: S3Server
) -> None:
    wrong = {"s3.access-key": ACCESS, "s3.secret-key": "of another account"}
    _lost(cluster, _stored(namespace, server, **wrong))
    _ask(cluster, "r1 latest")
    until(lambda: "the secret key does not fit" in cluster.condition("UpgradeBlocked")[2])
    message = cluster.condition("UpgradeBlocked")[2]
    assert f"bucket {BUCKET} at {server.endpoint}" in message and "accept-state-loss" in message
    assert "of another account" not in json.dumps(cluster.status("conditions"))
    assert not cluster.deployment()
