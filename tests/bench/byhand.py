"""An upgrade driven by hand: the floor that the agent's upgrade is measured against.

The same steps with nothing in between: stop the job over REST as its mode has it, delete the Deployments, create the
same objects again with the state and, unless HA metadata names it, a new job id. No records, no decisions. Flink's part
and the sandbox's part of the time are the same for both.
"""

from __future__ import annotations

import time
import uuid

import yaml

from gitsync.sandbox.demo import flinkjobs, timelines, waiting
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, SERVICES

PAUSE_S = 0.05
STATISTICS_CACHE_S = 3.5
SERVER_FIELDS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")


def upgrade(
    client: Client, namespace: str, name: str, parallelism: int, savepoints: str, mode: str = "savepoint"
) -> timelines.Upgrade:
    """Upgrade the application cluster `name` (which no agent may be watching) and say how long each phase took.

    `mode` is the resource's upgrade mode; last-state goes by HA metadata, cancel by the checkpoint that stays.
    """
    flink = flinkjobs.FlinkRest(client, namespace, name)
    deployment = client.send(requests.get(DEPLOYMENTS, namespace, name))
    workers = _if_there(client, namespace, f"{name}-taskmanager")
    owned = _owned(client, namespace, name, deployment["metadata"]["uid"])
    job = flink.job()
    assert job is not None
    triggered = _now_ms()
    location = _stop(client, namespace, name, job.id, savepoints) if mode == "savepoint" else None
    if mode in ("stateless", "cancel"):
        _cancel(client, namespace, name, job.id)
    if mode == "cancel":
        location = _newest_checkpoint(flink, job.id)
    stopped = _now_ms()
    for each in (deployment, *([workers] if workers else [])):
        client.send(requests.delete(DEPLOYMENTS, namespace, each["metadata"]["name"], propagation="Foreground"))
    waiting.until(lambda: _is_gone(client, namespace, name), "Deployments gone", seconds=60, pause=PAUSE_S)
    if mode == "last-state":
        _drop_job_graphs(client, namespace, name)
    made = client.send(requests.create(DEPLOYMENTS, namespace, _fresh(deployment)))
    created = _now_ms()
    run = job.id if mode == "last-state" else uuid.uuid4().hex
    for resource, obj in owned:
        body = _fresh(obj)
        body["metadata"]["ownerReferences"][0]["uid"] = made["metadata"]["uid"]
        if resource is CONFIG_MAPS and body["metadata"]["name"].startswith("flink-config-"):
            _restore_from(body, location, run, parallelism)
        client.send(requests.create(resource, namespace, body))
    if workers:
        client.send(requests.create(DEPLOYMENTS, namespace, _fresh(workers)))
    began = _initialized(job)
    boot = waiting.until(lambda: _boot(flink, parallelism, began), "all tasks RUNNING", seconds=180, pause=PAUSE_S)
    return timelines.Upgrade(triggered, stopped, created, boot)


def _drop_job_graphs(client: Client, namespace: str, name: str) -> None:
    """Else the recovered job keeps the parallelism that it was compiled with."""
    config_map = f"{name}-cluster-config-map"
    data = client.send(requests.get(CONFIG_MAPS, namespace, config_map)).get("data") or {}
    graphs: Object = {"data": {key: None for key in data if key.startswith(("jobGraph-", "executionPlan-"))}}
    client.send(requests.merge_patch(CONFIG_MAPS, namespace, config_map, graphs))


def _cancel(client: Client, namespace: str, name: str, job: str) -> None:
    flink = flinkjobs.FlinkRest(client, namespace, name)
    client.send(requests.service_proxy(namespace, f"{name}-rest:8081", "PATCH", f"/jobs/{job}"))
    waiting.until(lambda: flink.job_ids().get(job) == "CANCELED", "CANCELED", seconds=60, pause=PAUSE_S)


def _stop(client: Client, namespace: str, name: str, job: str, savepoints: str) -> str:
    trigger = uuid.uuid4().hex
    body = {"targetDirectory": savepoints, "drain": False, "triggerId": trigger}
    service = f"{name}-rest:8081"
    client.send(requests.service_proxy(namespace, service, "POST", f"/jobs/{job}/stop", body=body))

    def location() -> str | None:
        path = f"/jobs/{job}/savepoints/{trigger}"
        answer = client.send(requests.service_proxy(namespace, service, "GET", path))
        return dig(answer, "operation", "location")

    return waiting.until(location, "savepoint", seconds=60, pause=PAUSE_S)


def _newest_checkpoint(flink: flinkjobs.FlinkRest, job: str) -> str:
    """What a cancelled job left; Flink serves statistics from a cache, so only later ones are of the end."""
    ended = time.monotonic()

    def told() -> str | None:
        newest: str | None = dig(flink.get(f"/jobs/{job}/checkpoints"), "latest", "completed", "external_path")
        return newest if time.monotonic() - ended > STATISTICS_CACHE_S else None

    return waiting.until(told, "the newest checkpoint", seconds=60, pause=PAUSE_S)


def _owned(client: Client, namespace: str, name: str, uid: str) -> list[tuple[requests.Resource, Object]]:
    found: list[tuple[requests.Resource, Object]] = []
    for resource in (CONFIG_MAPS, SERVICES):
        for item in client.send(requests.listing(resource, namespace))["items"]:
            if dig(item, "metadata", "ownerReferences", 0, "uid") == uid:
                found.append((resource, item))
    return found


def _fresh(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key not in SERVER_FIELDS}
    body = {key: value for key, value in obj.items() if key not in ("status", "metadata")} | {"metadata": meta}
    if "clusterIPs" in body.get("spec", {}) and body["spec"].get("clusterIP") != "None":
        body["spec"] = {key: value for key, value in body["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    return body


def _restore_from(config: Object, location: str | None, job: str, parallelism: int) -> None:
    data = config["data"]
    file = "flink-conf.yaml" if "flink-conf.yaml" in data else "config.yaml"
    flat = _flat(yaml.safe_load(data[file]) or {}) if file == "config.yaml" else _lines(data[file])
    flat |= {"$internal.pipeline.job-id": job, "parallelism.default": str(parallelism)}
    flat |= {"execution.savepoint.path": location} if location else {}
    data[file] = "".join(f"{key}: {value}\n" for key, value in flat.items())


def _lines(text: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in text.splitlines() if line.strip())
    return {key: value for key, _, value in pairs}


def _flat(tree: Object, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat


def _is_gone(client: Client, namespace: str, name: str) -> bool:
    return not any(_if_there(client, namespace, each) for each in (name, f"{name}-taskmanager"))


def _if_there(client: Client, namespace: str, name: str) -> Object | None:
    try:
        return client.send(requests.get(DEPLOYMENTS, namespace, name))
    except errors.NotFound:
        return None


def _boot(flink: flinkjobs.FlinkRest, parallelism: int, began: int) -> timelines.Boot | None:
    job = flink.job()
    is_next = job is not None and job.parallelism == parallelism and _initialized(job) != began
    return timelines.boot_of(job) if job is not None and is_next else None


def _initialized(job: flinkjobs.Job) -> int:
    return job.entered_ms.get("INITIALIZING", job.entered_ms.get("CREATED", 0))


def _now_ms() -> int:
    return int(time.time() * 1000)
