"""The credentials of every repository as they are now: Secrets and ConfigMaps followed, and the settings.

Never shows a value. A Secret that changes is used from the next lookup on.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gitsync.git.access import Credentials
from gitsync.git.signatures import Signers
from gitsync.render import agekeys
from gitsync.render.agekeys import AgeKeys
from gitsync.rights import credentials
from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

_log = logging.getLogger(__name__)


class CredentialStore:
    """Follows what Argo CD keeps about repositories, in the agent's namespace."""

    def __init__(self, client: Client, settings: Settings, on_signers: Callable[[], None] = lambda: None) -> None:
        """`on_signers` is called when keys that verify signatures or open Secrets have changed."""
        self._settings = settings
        self._on_signers = on_signers
        where = (settings.namespace,)
        self._secrets = Cache(client, requests.SECRETS, namespaces=where, labels=credentials.LABEL)
        self._age_keys = Cache(
            client, requests.SECRETS, namespaces=where, labels=credentials.AGE_LABEL, on_change=lambda *_: on_signers()
        )
        self._trusted = Cache(client, requests.CONFIG_MAPS, namespaces=where, project=_trusted, on_change=self._changed)

    @property
    def _caches(self) -> tuple[Cache, ...]:
        return self._secrets, self._trusted, self._age_keys

    def start(self) -> None:
        """Start following; returns at once."""
        for cache in self._caches:
            cache.start()

    def stop(self) -> None:
        """Stop following."""
        for cache in self._caches:
            cache.stop()

    def wait_synced(self, timeout: float) -> bool:
        """Whether all was listed, or may not be read (then there is nothing of it for the agent)."""
        return all(cache.wait_synced(timeout) or cache.problem is not None for cache in self._caches)

    def find(self, url: str) -> Credentials | None:
        """The credentials for a repository."""
        found = credentials.choose(url, self._secrets.items()) or self._of_settings(url)
        hosts, certificates = self._trust(url)
        if found is None and not (hosts or certificates):
            return None
        return replace(found or Credentials(), known_hosts=hosts, ca_certificates=certificates)

    def age_keys(self, project: str) -> AgeKeys:
        """The keys that open encrypted Secrets for a project."""
        own = agekeys.identities_in(_read(self._settings.sops_age_key_file))
        return AgeKeys((*own, *credentials.age_keys(project, self._age_keys.items())))

    def signers(self) -> Signers:
        """The public keys that commits and tags may be verified with."""
        get, namespace = self._trusted.get, self._settings.namespace
        return credentials.signers(get(namespace, credentials.GNUPG_KEYS), get(namespace, credentials.ALLOWED_SIGNERS))

    def _changed(self, _event: str, config_map: Object) -> None:
        if config_map["metadata"].get("name") in (credentials.GNUPG_KEYS, credentials.ALLOWED_SIGNERS):
            self._on_signers()

    def _trust(self, url: str) -> tuple[str, str]:
        """Known hosts and certificates for a repository."""
        settings, get = self._settings, self._trusted.get
        hosts = credentials.known_hosts(get(settings.namespace, credentials.KNOWN_HOSTS))
        more = _read(settings.ssh_known_hosts_file)
        certificates = credentials.certificates(get(settings.namespace, credentials.CERTIFICATES), url)
        return "\n".join(part for part in (hosts, more) if part), certificates or _read(settings.git_ca_file)

    def _of_settings(self, url: str) -> Credentials | None:
        settings = self._settings
        if settings.repo is None or credentials.normalised(url) != credentials.normalised(settings.repo):
            return None
        key, password = _read(settings.ssh_private_key_file), _read(settings.git_password_file).strip()
        if not (key or password):
            return None
        return Credentials((settings.git_username or "git") if password else "", password, ssh_key=key)


def _read(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("the file %s of the settings cannot be read: %s", file, getattr(error, "strerror", "not text"))
        return ""


def _trusted(config_map: Object) -> Object:
    """Nothing but the name of a ConfigMap nobody asks for."""
    meta = config_map["metadata"]
    kept = {key: meta.get(key) for key in ("namespace", "name", "resourceVersion", "uid")}
    if meta.get("name") in credentials.CONFIG_MAPS:
        return {"metadata": kept, "data": config_map.get("data") or {}}
    return {"metadata": kept}
