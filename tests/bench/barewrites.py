"""What the API server itself takes for the writes of a new FlinkDeployment: the floor under `manyjobs`.

The same requests with the same bodies in the same order, sent by as many threads as the agent has workers, with
nothing decided, watched or parsed between them.
"""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from dataclasses import dataclass

from operator_core.build import clusters
from operator_core.conf import defaults
from operator_core.controllers.world import FIELD_MANAGER
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.model import flinkdeployments, lastspecs

WRITERS = 8
_KINDS = {"Service": requests.SERVICES, "ConfigMap": requests.CONFIG_MAPS}


@dataclass(frozen=True, slots=True)
class _Arrival:
    resource: Object
    began: float


def delays(client: Client, namespace: str, bodies: list[Object], creators: int) -> list[float]:
    """Seconds from each resource's creation to its JobManager Deployment, sorted."""
    client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace}}))
    arrived: queue.Queue[_Arrival | None] = queue.Queue()
    taken: list[float] = []

    def create(body: Object) -> None:
        began = time.monotonic()
        made = client.send(requests.create(requests.FLINK_DEPLOYMENTS, namespace, body))
        arrived.put(_Arrival(made, began))

    def write() -> None:
        while (arrival := arrived.get()) is not None:
            taken.append(_write(client, namespace, arrival))

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    with concurrent.futures.ThreadPoolExecutor(creators) as pool:
        list(pool.map(create, bodies))
    for _ in writers:
        arrived.put(None)
    for writer in writers:
        writer.join()
    return sorted(taken)


def _write(client: Client, namespace: str, arrival: _Arrival) -> float:
    """All of one resource's requests; the seconds until its Deployment was there."""
    name = arrival.resource["metadata"]["name"]
    finalizer = {"metadata": {"finalizers": [flinkdeployments.FINALIZER]}}
    kind = requests.FLINK_DEPLOYMENTS
    resource = client.send(requests.merge_patch(kind, namespace, name, finalizer, field_manager=FIELD_MANAGER))
    _expect_none(client, namespace, name)
    resource = _record(client, resource, "UPGRADING")
    client.send(requests.create(requests.EVENTS, namespace, _event(resource)))
    made = clusters.build(_request(resource))
    create = requests.create(requests.DEPLOYMENTS, namespace, made.jobmanager, field_manager=FIELD_MANAGER)
    deployment = client.send(create)
    delay = time.monotonic() - arrival.began
    for body in clusters.owned_by(made.owned, deployment["metadata"]["uid"]):
        client.send(requests.create(_KINDS[body["kind"]], namespace, body, field_manager=FIELD_MANAGER))
    _record(client, resource, "DEPLOYED")
    return delay


def _expect_none(client: Client, namespace: str, name: str) -> None:
    try:
        client.send(requests.get(requests.DEPLOYMENTS, namespace, name))
    except errors.NotFound:
        return
    raise AssertionError(f"there is a Deployment {name} already")


def _record(client: Client, resource: Object, state: str) -> Object:
    text = lastspecs.encode(resource["spec"], first_deployment=True)
    record = {"state": state, "lastReconciledSpec": text, "reconciliationTimestamp": 1}
    status = {"jobStatus": {"state": "RECONCILING", "jobId": "0" * 32}, "reconciliationStatus": record}
    body = {**resource, "status": status}
    put = requests.replace(requests.FLINK_DEPLOYMENTS, body, subresource="status", field_manager=FIELD_MANAGER)
    return client.send(put)


def _request(resource: Object) -> clusters.BuildRequest:
    return clusters.BuildRequest(
        deployment=flinkdeployments.parse(resource),
        defaults=defaults.NONE,
        job_id="0" * 32,
        savepoint_path=None,
        allow_non_restored=False,
        generation=1,
    )


def _event(resource: Object) -> Object:
    meta = resource["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"submit.{meta['name']}", "namespace": meta["namespace"]},
        "type": "Normal",
        "reason": "Submit",
        "message": "Starting deployment",
        "involvedObject": {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "source": {"component": "JobManagerDeployment"},
        "count": 1,
    }
