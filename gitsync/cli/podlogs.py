"""Which pods a Flink job has, and their logs through the API server, merged line by line.

Labels and container name are those of Flink's native Kubernetes integration (Flink documentation,
"Native Kubernetes"), which the operator half uses too.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from gitsync.cli import clusters
from gitsync.model.identities import Identity
from operator_core.errors import AgentError, Reason, Stalled
from operator_core.jsonvalues import dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

CONTAINER = "flink-main-container"
_QUIET_SECONDS = 3600.0
_WHOLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines."""

    component: str
    container: str
    follow: bool
    previous: bool
    tail: int | None
    since_seconds: int | None


def job(client: Client, agent_namespace: str, name: str, namespace: str | None) -> tuple[str, str]:
    """Namespace and cluster name behind a job's name or `namespace/name`.

    Raises Stalled when no app has it, or several do. A name in a given namespace need not belong to an app.
    """
    where, slash, short = name.rpartition("/")
    if slash or namespace:
        return _cluster_of(client, where or str(namespace), short)
    return _cluster_of(client, clusters.job(client, agent_namespace, short).namespace, short)


def _cluster_of(client: Client, namespace: str, name: str) -> tuple[str, str]:
    """A session job runs in the pods of its session cluster."""
    try:
        live = client.send(requests.get(requests.FLINK_SESSION_JOBS, namespace, name))
    except errors.NotFound:
        return namespace, name
    return namespace, str(dig(live, "spec", "deploymentName", default=name))


def pods(client: Client, namespace: str, cluster: str, component: str) -> list[str]:
    """The names of the pods of one component. Raises Stalled when there is none."""
    labels = f"app={cluster},component={component}"
    answer = client.send(requests.listing(requests.PODS, namespace, labels=labels))
    names = sorted(str(pod["metadata"]["name"]) for pod in answer.get("items") or [])
    if not names:
        raise Stalled(Reason.NotFound, _without_pods(client, namespace, cluster, component))
    return names


def _without_pods(client: Client, namespace: str, cluster: str, component: str) -> str:
    known = Identity("flink.apache.org", "FlinkDeployment", namespace, cluster).shown
    try:
        client.send(requests.get(requests.FLINK_DEPLOYMENTS, namespace, cluster))
    except errors.NotFound:
        return f"there is no {known} and no FlinkSessionJob of that name; `gitsync status` lists the jobs"
    return f"{known} has no {component} pod now; `gitsync status` says why"


def request(namespace: str, pod: str, wanted: Wanted) -> Request:
    """The request for one pod's log (Kubernetes API, Pod `log`)."""
    query = {
        "container": wanted.container,
        "follow": "true" if wanted.follow else "",
        "previous": "true" if wanted.previous else "",
        "tailLines": "" if wanted.tail is None else str(wanted.tail),
        "sinceSeconds": "" if wanted.since_seconds is None else str(wanted.since_seconds),
    }
    path = requests.PODS.path(namespace, pod, "log")
    return Request("GET", path, tuple((key, value) for key, value in query.items() if value))


def lines(client: Client, namespace: str, names: list[str], wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Pod and line, as they come; of several pods one after the other unless they are followed."""
    if not wanted.follow or len(names) == 1:
        for pod in names:
            yield from ((pod, line) for line in _of_pod(client, namespace, pod, wanted))
        return
    merged: queue.Queue[tuple[str, str] | AgentError | None] = queue.Queue(maxsize=1000)

    def read(pod: str) -> None:
        try:
            for line in _of_pod(client, namespace, pod, wanted):
                merged.put((pod, line))
        except AgentError as error:
            merged.put(error)
        finally:
            merged.put(None)

    for pod in names:
        threading.Thread(target=read, args=(pod,), name=f"log-{pod}", daemon=True).start()
    running = len(names)
    while running:
        one = merged.get()
        if isinstance(one, AgentError):
            raise one
        if one is None:
            running -= 1
        else:
            yield one


def _of_pod(client: Client, namespace: str, pod: str, wanted: Wanted) -> Iterator[str]:
    sent = request(namespace, pod, wanted)
    if wanted.follow:
        for line in client.stream(sent, idle_seconds=_QUIET_SECONDS, as_text=True):
            yield line.decode("utf-8", "replace")
    else:
        yield from client.send_bytes(sent, timeout=_WHOLE_SECONDS).decode("utf-8", "replace").splitlines()
