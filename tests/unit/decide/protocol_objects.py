"""What a JobManager of the model reads and writes in Kubernetes: its Deployment, its configuration, HA metadata."""

import re

from protocol_apiserver import ApiServer
from protocol_runs import Process

from operator_core.jsonvalues import Object

MARKER = "KUBERNETES_OPERATOR_LAST_STATE"
_HA = "high-availability"


class ClusterObjects:
    """The objects of the cluster `app`."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def jobmanagers(self) -> list[Object]:
        """Those of JobManagers."""
        return [obj for (kind, name), obj in self.server.objects.items() if (kind, name) == ("deployments", "app")]

    def owner(self, uid: str) -> Object | None:
        """The Deployment with this uid."""
        return next((obj for obj in self.jobmanagers() if obj["metadata"]["uid"] == uid), None)

    def config(self, uid: str) -> tuple[str, str | None, bool] | None:
        """Job id, restore path and HA of the configuration that a process of this Deployment would read."""
        config = next(
            (obj for (kind, name), obj in self.server.objects.items() if name.startswith("flink-config")), None
        )
        if config is None or all(owner["uid"] != uid for owner in config["metadata"]["ownerReferences"]):
            return None
        text = config["data"]["flink-conf.yaml"]
        job_id = _option(text, "$internal.pipeline.job-id")
        path = _option(text, "execution.savepoint.path") or _option(text, "execution.state-recovery.path")
        assert job_id, "every deployment carries its job id"
        return job_id, path, _option(text, "high-availability.type") == "kubernetes"

    def set_available(self, deployment: Object, value: str) -> None:
        """Readiness of the JobManager's pod, as the Deployment tells it."""
        for condition in deployment["status"]["conditions"]:
            if condition["type"] == "Available" and condition["status"] != value:
                condition |= {"status": value, "lastTransitionTime": self.server.stamp()}
        self.server.put("deployments", deployment)

    def first_rollout_done(self, deployment: Object) -> None:
        """All pods of the Deployment were ready once."""
        for condition in deployment["status"]["conditions"]:
            if condition["type"] == "Progressing":
                condition["reason"] = "NewReplicaSetAvailable"

    def ha_names(self) -> list[str]:
        """The ConfigMaps of HA metadata."""
        return [name for (kind, name) in self.server.objects if kind == "configmaps" and "-config-map" in name]

    def ha_pointer(self, process: Process) -> str | None:
        """The newest checkpoint that HA metadata knows."""
        obj = self.server.get("configmaps", f"app-{process.job_id}-config-map")
        return (obj or {}).get("data", {}).get("checkpointID-1")

    def point(self, process: Process, path: str | None) -> None:
        """Have HA metadata there, and name this checkpoint in it."""
        for name in ("app-cluster-config-map", f"app-{process.job_id}-config-map"):
            obj = self.server.get("configmaps", name)
            if obj is None:
                labels = {"app": "app", "configmap-type": _HA}
                obj = self.server.born("configmaps", {"metadata": {"name": name, "labels": labels}, "data": {}})
            if path is not None and process.job_id in name and path != MARKER:
                obj["data"]["checkpointID-1"] = path
                self.server.put("configmaps", obj)


def _option(text: str, key: str) -> str | None:
    found = re.search(rf"^{re.escape(key)}: ['\"]?(.*?)['\"]?$", text, re.MULTILINE)
    return found[1] if found else None
