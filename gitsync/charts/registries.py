"""Charts in OCI registries: their tags, and the archive of one tag with its digests checked.

Rules: OCI Distribution Specification (pull), its token authentication as registries implement it, and Helm's media
types. Credentials go to the registry, and to the token service it names over https.
"""

import json
import re
from dataclasses import replace
from urllib.parse import quote, urlencode, urljoin, urlsplit

from gitsync.charts import archives, downloads
from gitsync.charts.downloads import Answer, Downloads
from gitsync.charts.places import Place
from gitsync.git.access import Credentials
from operator_core.errors import Reason, Retry, Stalled
from operator_core.jsonvalues import Json, Object

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_SMALL = 4 * 2**20
_MOST_PAGES = 50
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Registry:
    """One chart of one registry."""

    def __init__(self, place: Place, credentials: Credentials | None, *, loopback_http: bool = False) -> None:
        parts = urlsplit(place.base)
        host = parts.hostname or ""
        plain = loopback_http and host in ("localhost", "127.0.0.1")
        self._root = f"{'http' if plain else 'https'}://{parts.netloc}"
        self._repository = "/".join(part for part in (parts.path.strip("/"), place.name) if part)
        self._credentials = credentials or Credentials()
        self._loopback_http = loopback_http
        # Who the agent is goes to the token service; certificates and proxies count for every request.
        nobody = replace(self._credentials, username="", password="")
        self._downloads = Downloads(self._root, nobody, loopback_http=loopback_http)
        self._trusted = Downloads(self._root, self._credentials, loopback_http=loopback_http)
        self._token = ""

    def close(self) -> None:
        """End its connections."""
        self._downloads.close()
        self._trusted.close()

    def versions(self) -> dict[str, str]:
        """Versions with their tags: a tag has `_` where a version has `+`."""
        url, found = f"{self._root}/v2/{self._repository}/tags/list?n=1000", {}
        for _ in range(_MOST_PAGES):
            answer = self._get(url, _SMALL)
            for tag in _object(answer.content, url).get("tags") or []:
                found[str(tag).replace("_", "+")] = str(tag)
            following = re.search(r'<([^>]+)>;\s*rel="?next', answer.headers.get("link", ""))
            if following is None:
                break
            url = urljoin(url, following[1])
            if not url.startswith(f"{self._root}/"):
                raise Retry(Reason.RepositoryUnreachable, f"{self._root} leads to another host for its tags")
        return found

    def archive(self, tag: str) -> bytes:
        """The chart's archive. Raises Stalled(RepositoryRefused) for what is no chart or has another digest."""
        what = f"{self._repository}:{tag}"
        url = f"{self._root}/v2/{self._repository}/manifests/{quote(tag, safe='')}"
        manifest = _object(self._get(url, _SMALL, _MANIFEST).content, url)
        layers = [one for one in manifest.get("layers") or [] if isinstance(one, dict)]
        digest = next((str(one.get("digest")) for one in layers if one.get("mediaType") == _LAYER), "")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise Stalled(Reason.RepositoryRefused, f"{what} is no Helm chart: its manifest has no layer of one")
        blob = self._get(f"{self._root}/v2/{self._repository}/blobs/{digest}", archives.LARGEST_ARCHIVE).content
        archives.check_digest(blob, digest.removeprefix("sha256:"), what)
        return blob

    def _get(self, url: str, largest: int, accept: str = "*/*") -> Answer:
        answer = self._with_token(url, largest, accept)
        if answer.status == 401:
            challenge = answer.headers.get("www-authenticate", "")
            if challenge.lower().startswith("bearer "):
                self._token = self._fetch_token(dict(_PARAMETER.findall(challenge)))
                answer = self._with_token(url, largest, accept)
            elif self._credentials.password:
                answer = self._trusted.get(url, largest, {"Accept": accept})
        if answer.status != 200:
            raise downloads.failure(url, answer)
        return answer

    def _with_token(self, url: str, largest: int, accept: str) -> Answer:
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        return self._downloads.get(url, largest, headers)

    def _fetch_token(self, challenge: dict[str, str]) -> str:
        realm = challenge.get("realm", "")
        wanted = {"service": challenge.get("service", ""), "scope": f"repository:{self._repository}:pull"}
        service = Downloads(realm, self._credentials, loopback_http=self._loopback_http)
        try:
            url = f"{realm}?{urlencode(wanted)}"
            content = _object(service.checked(url, _SMALL).content, realm)
        finally:
            service.close()
        return str(content.get("token") or content.get("access_token") or "")


def _object(content: bytes, url: str) -> Object:
    try:
        value: Json = json.loads(content)
    except ValueError as error:
        raise Retry(Reason.RepositoryUnreachable, f"{url.partition('?')[0]} did not answer with JSON") from error
    if not isinstance(value, dict):
        raise Retry(Reason.RepositoryUnreachable, f"{url.partition('?')[0]} did not answer with an object")
    return value
