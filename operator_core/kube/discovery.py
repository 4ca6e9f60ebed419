"""Which kinds the API server serves, and under which path.

Read group by group on first use and kept; a kind that is not known is looked up again at most every
`REFRESH_SECONDS`, so that a CRD applied a moment ago is found and an unknown kind is no request storm.
"""

import threading
import time

from operator_core.jsonvalues import Object
from operator_core.kube import errors
from operator_core.kube.client import Client
from operator_core.kube.requests import Request, Resource

REFRESH_SECONDS = 10.0


class Discovery:
    """Kinds by apiVersion. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Resource]] = {}
        self._read_at: dict[str, float] = {}

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The kind as served, or None when the API server does not know it. Raises `kube.errors`."""
        with self._lock:
            found = self._known.get(api_version, {}).get(kind)
            if found is not None:
                return found
            read_at = self._read_at.get(api_version)
            if read_at is not None and time.monotonic() - read_at < REFRESH_SECONDS:
                return None
            self._known[api_version] = self._read(api_version)
            self._read_at[api_version] = time.monotonic()
            return self._known[api_version].get(kind)

    def forget(self, api_version: str) -> None:
        """Look again at the next `find`, for instance after a CRD was applied."""
        with self._lock:
            self._known.pop(api_version, None)
            self._read_at.pop(api_version, None)

    def _read(self, api_version: str) -> dict[str, Resource]:
        base = "/apis/" if "/" in api_version else "/api/"
        try:
            answer = self._client.send(Request("GET", base + api_version))
        except errors.NotFound:
            return {}
        group, _, version = api_version.rpartition("/")
        return {
            entry["kind"]: _resource(group, version, entry)
            for entry in answer.get("resources", [])
            if "/" not in entry["name"]
        }


def _resource(group: str, version: str, entry: Object) -> Resource:
    return Resource(group, version, entry["name"], entry["kind"], bool(entry["namespaced"]))
