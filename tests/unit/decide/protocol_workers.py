"""A model of a standalone cluster's TaskManager pods for protocol tests.

They end before the JobManager of the same deletion does, which is the worst case: a job that still runs then fails,
and a failed job's HA metadata is cleaned up. No JobManager may be created while any of them are left.
"""

from protocol_apiserver import ApiServer

from operator_core.jsonvalues import Object

NAME = "app-taskmanager"


class Workers:
    """The pods of the Deployment `app-taskmanager`, as uids of the Deployments that have some."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.living: set[str] = set()
        server.before_create.append(self._check_alone)

    def sync(self) -> None:
        """Pods for a Deployment that wants them."""
        deployment = self.server.get("deployments", NAME)
        if deployment is not None and not deployment["metadata"].get("deletionTimestamp"):
            self.living.add(deployment["metadata"]["uid"])

    def terminate(self) -> bool:
        """End pods that nobody wants any more; whether there were any."""
        deployment = self.server.get("deployments", NAME)
        stays = deployment is not None and not deployment["metadata"].get("deletionTimestamp")
        kept = self.living & {deployment["metadata"]["uid"]} if stays else set()
        ended = self.living - kept
        self.living = kept
        return bool(ended)

    def serve(self, mode: str | None) -> bool:
        """Whether a job can run."""
        return mode != "standalone" or bool(self.living)

    def pods_of(self, deployment: Object) -> bool:
        """Whether a Deployment has pods."""
        return deployment["metadata"]["uid"] in self.living

    def _check_alone(self, kind: str, body: Object) -> None:
        if kind == "deployments" and body["metadata"]["name"] == "app":
            assert not self.living, "a JobManager is created while TaskManagers of an earlier one live"
            assert self.server.get("deployments", NAME) is None, "TaskManagers would serve the next JobManager"
