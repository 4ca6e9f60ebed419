"""Which credentials a repository gets: Secrets in the form Argo CD uses, or those of the settings.

Pure. Secrets in the agent's namespace with the label `argocd.argoproj.io/secret-type: repository` name a
URL (`repo-creds`: the start of URLs) with `username` and `password`, `bearerToken`, `sshPrivateKey` or
a client certificate (Argo CD documentation, "Declarative Setup"). What a repository's own Secret does not
say comes from the longest start that fits.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import replace

from gitsync.git import urls
from gitsync.git.access import Credentials
from gitsync.git.signatures import Signers
from gitsync.render import agekeys
from operator_core.jsonvalues import Object

LABEL = "argocd.argoproj.io/secret-type"
TEMPLATE = "repo-creds"
AGE_LABEL = "gitsync.io/secret-type=age-key"
PROJECTS = "gitsync.io/projects"
"""Annotation of a Secret with age keys: the projects it is for, separated by commas; for all without it."""
KNOWN_HOSTS = "argocd-ssh-known-hosts-cm"
CERTIFICATES = "argocd-tls-certs-cm"
GNUPG_KEYS = "argocd-gpg-keys-cm"
ALLOWED_SIGNERS = "gitsync-allowed-signers"
CONFIG_MAPS = (KNOWN_HOSTS, CERTIFICATES, GNUPG_KEYS, ALLOWED_SIGNERS)
"""Those of the agent's namespace that are read."""
_IDENTITY = ("username", "password", "bearer_token", "ssh_key", "client_certificate", "client_key")


def normalised(url: str) -> str:
    """A URL in the form in which two spellings of one repository are equal."""
    bare = urls.without_credentials(urls.with_scheme(url)).rstrip("/").removesuffix(".git")
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
    own: Credentials | None = None
    template: tuple[int, Credentials] | None = None
    for secret in secrets:
        fields = fields_of(secret)
        place = normalised(fields.get("url", ""))
        is_template = (secret["metadata"].get("labels") or {}).get(LABEL) == TEMPLATE
        if not place or not (wanted == place or (is_template and wanted.startswith((place + "/", place + ":")))):
            continue
        found = _read(fields)
        if not is_template:
            own = found if own is None or found.identifies else own
        elif template is None or len(place) > template[0]:
            template = (len(place), found)
    if own is None or template is None:
        return own or (template[1] if template is not None else None)
    return own if own.identifies else replace(own, **{name: getattr(template[1], name) for name in _IDENTITY})


def _read(fields: dict[str, str]) -> Credentials:
    return Credentials(
        username=fields.get("username", ""),
        password=fields.get("password", ""),
        bearer_token=fields.get("bearerToken", ""),
        ssh_key=fields.get("sshPrivateKey", ""),
        client_certificate=fields.get("tlsClientCertData", ""),
        client_key=fields.get("tlsClientCertKey", ""),
        proxy=fields.get("proxy", ""),
        no_proxy=fields.get("noProxy", ""),
        depth=int(fields["depth"]) if re.fullmatch(r"\d{1,6}", fields.get("depth", "")) else 0,
        partial=fields.get("partial") == "true",
        insecure="true" in (fields.get("insecure"), fields.get("insecureIgnoreHostKey")),
    )


def known_hosts(config_map: Object | None) -> str:
    """The host keys of Argo CD's ConfigMap of known hosts."""
    return str(((config_map or {}).get("data") or {}).get("ssh_known_hosts", ""))


def certificates(config_map: Object | None, url: str) -> str:
    """The certificates Argo CD's ConfigMap has for the host of `url`: one key per host name."""
    host = urls.host_of(url)
    return str(((config_map or {}).get("data") or {}).get(host, "")) if host else ""


def signers(gnupg: Object | None, ssh: Object | None) -> Signers:
    """The keys of Argo CD's ConfigMap of GnuPG keys, and the lines of allowed signers of SSH."""
    keys = (gnupg or {}).get("data") or {}
    lines = str(((ssh or {}).get("data") or {}).get("allowed_signers", ""))
    return Signers(tuple(str(keys[name]) for name in sorted(keys)), lines)


def age_keys(project: str, secrets: Iterable[Object]) -> tuple[str, ...]:
    """The age identities of Secrets that are for a project."""
    found: list[str] = []
    for secret in secrets:
        limits = (secret["metadata"].get("annotations") or {}).get(PROJECTS)
        if limits is None or project in [part.strip() for part in limits.split(",")]:
            for _, text in sorted(fields_of(secret).items()):
                found += agekeys.identities_in(text)
    return tuple(dict.fromkeys(found))
