"""Asks a sandbox's API server: a GET over one verified connection, answers as JSON.

Small on purpose: readiness and status need nothing more, and the supervisor lives as long as the sandbox
does. Takes its address and trust from a kubeconfig of this program's own making.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

from operator_core.jsonvalues import Json

TIMEOUT_S = 5.0


class Unanswered(Exception):
    """The server gave no answer, or one that is no success; `status` is the HTTP status or None."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Access:
    """Reads from the server that a kubeconfig (as `components.kubeconfig` writes it) names."""

    def __init__(self, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        self._server: str = cluster["server"]
        self._token: str = document["users"][0]["user"]["token"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)

    def text(self, path: str) -> str:
        """The body of a GET. Raises Unanswered."""
        request = urllib.request.Request(
            self._server + path, headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Unanswered(f"{path}: {error.code} {error.reason}", error.code) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{self._server} does not answer: {error}") from error
        return body.decode()

    def json(self, path: str) -> Json:
        """The JSON document of a GET. Raises Unanswered."""
        return json.loads(self.text(path))

    def is_ready(self) -> bool:
        """Whether /readyz is fine."""
        try:
            return self.text("/readyz") == "ok"
        except Unanswered:
            return False

    def accepts_pods(self) -> bool:
        """Whether the controllers have made what admission wants of every pod: its ServiceAccount."""
        try:
            self.json("/api/v1/namespaces/default/serviceaccounts/default")
            self.json("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
        except Unanswered:
            return False
        return True

    def node_is_ready(self, since: float) -> bool:
        """Whether a Node is Ready whose kubelet has renewed its Lease after `since` (epoch seconds)."""
        try:
            leases = self.json("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")["items"]
            nodes = self.json("/api/v1/nodes")["items"]
        except Unanswered:
            return False
        fresh = {each["metadata"]["name"] for each in leases if renewed_at(each) >= since}
        return any(node["metadata"]["name"] in fresh and is_node_ready(node) for node in nodes)


def renewed_at(lease: Json) -> float:
    """A Lease's renewTime in epoch seconds, 0 without one."""
    text = lease.get("spec", {}).get("renewTime")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0


def is_node_ready(node: Json) -> bool:
    """Whether a Node's Ready condition is True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def pod_summary(pod: Json) -> dict[str, Json]:
    """Namespace, name, phase and readiness of a Pod."""
    conditions = pod.get("status", {}).get("conditions", [])
    return {
        "namespace": pod["metadata"]["namespace"],
        "name": pod["metadata"]["name"],
        "phase": pod.get("status", {}).get("phase", "Unknown"),
        "ready": any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
    }
