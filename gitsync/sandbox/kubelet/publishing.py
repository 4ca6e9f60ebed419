"""Writes one pod's status when it changed, and knows when a write that failed is due again.

The state itself stays with the pod's worker; nothing is lost by a write that is refused. An object that is gone, or
whose name another pod has by now, takes no status: that counts as written.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from gitsync.sandbox.kubelet import podstatus
from gitsync.sandbox.kubelet.podstates import Pod, identity, uid
from gitsync.sandbox.kubelet.surroundings import Surroundings
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests

log = logging.getLogger(__name__)

API_RETRY_S = 1.0


class StatusWriter:
    """The status of one pod as the API server last took it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._written: Object = {}
        self.due_again: datetime | None = None

    def write(self, pod: Pod, now: datetime) -> Object | None:
        """The API server's answer when there was something to write and it took it."""
        status = podstatus.status_of(pod, host_ip=self._around.host_ip, now=now)
        if status == self._written or (self.due_again and self.due_again > now):
            return None
        meta = pod.manifest["metadata"]
        body = {"metadata": {"uid": uid(pod.manifest)}, "status": status}
        request = requests.merge_patch(requests.PODS, meta["namespace"], meta["name"], body, subresource="status")
        try:
            answer = self._around.client.send(request)
        except (errors.NotFound, errors.Conflict):
            answer = None
        except AgentError as error:
            log.warning("pod %s: status not written: %s", identity(pod.manifest), error.message)
            self.due_again = now + timedelta(seconds=API_RETRY_S)
            return None
        self._written, self.due_again = status, None
        return answer
