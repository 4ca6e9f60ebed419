"""Which credentials a repository gets: Secrets in the form Argo CD uses, or those of the settings.

Secrets in the agent's namespace with the label `argocd.argoproj.io/secret-type: repository` name a
URL (`repo-creds`: a prefix of URLs) with `username` and `password`, or `bearerToken` (Argo CD
documentation, "Declarative Setup"). The longest URL that fits wins; the settings' user name and
password serve the root repository when no Secret does.
"""

import base64
import binascii
import logging

from gitsync.git import urls
from gitsync.git.urls import Credentials
from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

log = logging.getLogger(__name__)

LABEL = "argocd.argoproj.io/secret-type"


def normalised(url: str) -> str:
    """A URL in the form in which two spellings of one repository are equal."""
    bare = urls.without_credentials(url).rstrip("/").removesuffix(".git")
    return bare if bare.startswith("/") else bare.lower()


def fields_of(secret: Object) -> dict[str, str]:
    """The decoded text values of a Secret."""
    found: dict[str, str] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode().strip()
        except (binascii.Error, ValueError):
            continue
    return found


def choose(url: str, secrets: list[Object]) -> Credentials | None:
    """The credentials for `url` among repository Secrets; None when none fits."""
    wanted = normalised(url)
    best: tuple[bool, int, Credentials] | None = None
    for secret in secrets:
        fields = fields_of(secret)
        place = normalised(fields.get("url", ""))
        is_template = (secret["metadata"].get("labels") or {}).get(LABEL) == "repo-creds"
        fits = bool(place) and (wanted == place or (is_template and wanted.startswith(place + "/")))
        if not fits:
            continue
        found = Credentials(fields.get("username", ""), fields.get("password", ""), fields.get("bearerToken", ""))
        if found.identifies and (best is None or (not is_template, len(place)) > best[:2]):
            best = (not is_template, len(place), found)
    return best[2] if best is not None else None


class CredentialStore:
    """Follows the Secrets. Never shows a value."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._settings = settings
        self._secrets = Cache(client, requests.SECRETS, namespaces=(settings.namespace,), labels=LABEL)

    def start(self) -> None:
        """Start following; returns at once."""
        self._secrets.start()

    def stop(self) -> None:
        """Stop following."""
        self._secrets.stop()

    def wait_synced(self, timeout: float) -> bool:
        """Whether the Secrets were listed, or may not be read (then there are none for the agent)."""
        return self._secrets.wait_synced(timeout) or self._secrets.problem is not None

    def find(self, url: str) -> Credentials | None:
        """The credentials for a repository."""
        found = choose(url, self._secrets.items())
        if found is not None or self._settings.git_password_file is None:
            return found
        if self._settings.repo is None or normalised(url) != normalised(self._settings.repo):
            return None
        try:
            password = self._settings.git_password_file.read_text().strip()
        except OSError as error:
            log.warning("the Git password file %s cannot be read: %s", self._settings.git_password_file, error.strerror)
            return None
        return Credentials(self._settings.git_username or "git", password)
