"""What a cluster is and serves, in one go: its release and all its kinds, as charts ask for them.

Two requests, by aggregated discovery (Kubernetes API concepts; served since 1.26); the answer is kept for
`KEPT_SECONDS`, because a definition that is added or removed changes it.
"""

import threading
import time

from operator_core.jsonvalues import Object, dig
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

KEPT_SECONDS = 600.0
_AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


class Capabilities:
    """The cluster's. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: tuple[str, tuple[str, ...]] | None = None
        self._read_at = 0.0

    def read(self) -> tuple[str, tuple[str, ...]]:
        """The release (`v1.33.1`), and every `group/version` and `group/version/Kind`. Raises `kube.errors`."""
        with self._lock:
            if self._known is None or time.monotonic() - self._read_at > KEPT_SECONDS:
                version = str(self._client.send(Request("GET", "/version")).get("gitVersion", ""))
                answers = [self._client.send(Request("GET", path, accept=_AGGREGATED)) for path in ("/api", "/apis")]
                self._known = (version, tuple(sorted({name for answer in answers for name in names(answer)})))
                self._read_at = time.monotonic()
            return self._known


def names(answer: Object) -> list[str]:
    """`group/version` and `group/version/Kind` of an APIGroupDiscoveryList; the core group has no name."""
    found: list[str] = []
    for group in answer.get("items") or []:
        name = dig(group, "metadata", "name", default="")
        for version in group.get("versions") or []:
            place = "/".join(part for part in (name, str(version.get("version", ""))) if part)
            kinds = [dig(one, "responseKind", "kind") for one in version.get("resources") or []]
            found += [place, *(f"{place}/{kind}" for kind in kinds if kind)]
    return found
