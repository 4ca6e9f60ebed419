"""Gives pending pods the one node there is, or says why they do not fit.

Shell, one thread. Stands in for kube-scheduler: pods that wait for another scheduler or behind a gate are left alone.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from gitsync.sandbox.kubelet import nodes, podstatus
from gitsync.sandbox.kubelet.telling import Teller
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

RETRY_S = 1.0


class Binder:
    """Binds what `offer` brings; what does not fit is tried again every second."""

    def __init__(
        self, client: Client, clock: Clock, teller: Teller, pods: Callable[[], list[Object]], offered: dict[str, str]
    ) -> None:
        self._client = client
        self._clock = clock
        self._teller = teller
        self._pods = pods
        self._offered = offered
        self._queue: queue.SimpleQueue[Object] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="binder", daemon=True).start()

    def offer(self, pod: Object) -> None:
        """Consider a pod that may wait for a node."""
        if nodes.is_wanted(pod):
            self._queue.put(pod)

    def _run(self) -> None:
        while True:
            try:
                pod = self._queue.get(timeout=RETRY_S)
            except queue.Empty:
                for waiting in self._pods():
                    self.offer(waiting)
                continue
            try:
                self._consider(pod)
            except AgentError as error:
                log.warning("pod %s is not bound: %s", dig(pod, "metadata", "name"), error.message)

    def _consider(self, pod: Object) -> None:
        problem = nodes.misfit(pod, self._pods(), self._offered)
        if problem is None:
            self._bind(pod)
            return
        conditions = dig(pod, "status", "conditions", default=[]) or []
        if any(item.get("type") == "PodScheduled" and item.get("message") == problem for item in conditions):
            return
        self._teller.warning(pod, "FailedScheduling", problem)
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": problem,
            "lastTransitionTime": podstatus.timestamp(self._clock.now()),
        }
        meta = pod["metadata"]
        body = {"metadata": {"uid": meta["uid"]}, "status": {"conditions": [condition]}}
        self._client.send(
            requests.merge_patch(requests.PODS, meta["namespace"], meta["name"], body, subresource="status")
        )

    def _bind(self, pod: Object) -> None:
        meta = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": nodes.NAME},
        }
        path = requests.PODS.path(meta["namespace"], meta["name"], "binding")
        try:
            self._client.send(Request("POST", path, (), body))
        except (errors.Conflict, errors.NotFound):
            return  # bound by an earlier turn, or gone
        self._teller.normal(
            pod, "Scheduled", f"Successfully assigned {meta['namespace']}/{meta['name']} to {nodes.NAME}"
        )
