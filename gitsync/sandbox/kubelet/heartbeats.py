"""Makes the Node, keeps its Lease fresh and its status honest.

Shell around `nodes`. The Lease is renewed before the node says that it is ready, so that whoever waits for both never
sees the leftovers of an earlier kubelet.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from gitsync.sandbox.kubelet import nodes
from gitsync.sandbox.kubelet.nodes import Machine
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

RENEW_S = 10.0
RETRY_S = 0.5


def create(client: Client, resource: Resource, namespace: str | None, body: Object) -> None:
    """Create unless it is there."""
    with contextlib.suppress(errors.AlreadyExists):
        client.send(requests.create(resource, namespace, body))


class Heartbeats:
    """One thread; `stop` ends it at its next beat."""

    def __init__(self, client: Client, clock: Clock, machine: Machine) -> None:
        self._client = client
        self._clock = clock
        self._machine = machine
        self._stop = threading.Event()

    def register(self) -> None:
        """Make the node known and ready; tries until the API server takes it."""
        while not self._stop.is_set():
            try:
                create(self._client, requests.NODES, None, nodes.node())
                self._renew()
                body = {"status": nodes.status(self._machine, self._clock.now())}
                self._client.send(requests.merge_patch(requests.NODES, None, nodes.NAME, body, subresource="status"))
                break
            except AgentError as error:
                log.warning("the node is not registered yet: %s", error.message)
                self._stop.wait(RETRY_S)
        threading.Thread(target=self._run, name="heartbeats", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(RENEW_S):
            try:
                self._renew()
            except AgentError as error:
                log.warning("the node's lease is not renewed: %s", error.message)

    def _renew(self) -> None:
        lease = nodes.lease(self._clock.now())
        patch = {"spec": lease["spec"]}
        try:
            self._client.send(requests.merge_patch(requests.LEASES, "kube-node-lease", nodes.NAME, patch))
        except errors.NotFound:
            self._client.send(requests.create(requests.LEASES, "kube-node-lease", lease))
