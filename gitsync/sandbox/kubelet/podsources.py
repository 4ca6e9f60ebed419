"""ConfigMaps, Secrets, tokens and claims of one pod, read from the API server.

Shell. Everything is read live: a kubelet that serves a few dozen pods needs no cache of other people's data. Tokens are
kept until 80 % of their life, as the kubelet does. A missing object is None; an unreachable API server is an error.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gitsync.sandbox.kubelet.podstates import uid
from gitsync.sandbox.kubelet.volumes import VolumeError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request, Resource
from operator_core.runtime.clock import Clock

CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
TOKEN_RENEWAL = 0.8


class PodSources:
    """Implements `projections.Sources` for the pod `manifest`."""

    def __init__(self, client: Client, clock: Clock, manifest: Object) -> None:
        self._client = client
        self._clock = clock
        self._manifest = manifest
        self._namespace = str(dig(manifest, "metadata", "namespace"))
        self._tokens: dict[tuple[str, int], tuple[str, datetime]] = {}

    def config_map(self, name: str) -> Object | None:
        return self._get(requests.CONFIG_MAPS, name)

    def secret(self, name: str) -> Object | None:
        return self._get(requests.SECRETS, name)

    def token(self, audience: str, seconds: int) -> str:
        """A token bound to the pod; the API server may give it a longer or shorter life than asked for."""
        known = self._tokens.get((audience, seconds))
        now = self._clock.now()
        if known and known[1] > now:
            return known[0]
        answer = self._client.send(self._token_request(audience, seconds))
        expires = datetime.fromisoformat(str(answer["status"]["expirationTimestamp"]))
        renew = now + timedelta(seconds=(expires - now).total_seconds() * TOKEN_RENEWAL)
        self._tokens[(audience, seconds)] = (str(answer["status"]["token"]), renew)
        return str(answer["status"]["token"])

    def host_path_of(self, claim: str) -> str:
        """The folder of this machine behind a bound claim. Raises VolumeError."""
        found = self._get(CLAIMS, claim)
        volume_name = dig(found, "spec", "volumeName")
        if not volume_name:
            state = "is not bound" if found else "not found"
            raise VolumeError(f'persistentvolumeclaim "{claim}" {state}')
        volume = self._client.send(requests.get(VOLUMES, None, str(volume_name)))
        path = dig(volume, "spec", "hostPath", "path") or dig(volume, "spec", "local", "path")
        if not path:
            raise VolumeError(
                f'persistentvolume "{volume_name}" is neither hostPath nor local; the sandbox has only these'
            )
        return str(path)

    def _get(self, resource: Resource, name: str) -> Object | None:
        try:
            return self._client.send(requests.get(resource, self._namespace, name))
        except errors.NotFound:
            return None

    def _token_request(self, audience: str, seconds: int) -> Request:
        account = str(dig(self._manifest, "spec", "serviceAccountName", default="default"))
        bound = {
            "kind": "Pod",
            "apiVersion": "v1",
            "name": dig(self._manifest, "metadata", "name"),
            "uid": uid(self._manifest),
        }
        spec: Object = {
            "expirationSeconds": seconds,
            "boundObjectRef": bound,
            "audiences": [audience] if audience else [],
        }
        path = requests.SERVICE_ACCOUNTS.path(self._namespace, account, "token")
        return Request(
            "POST", path, (), {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        )
