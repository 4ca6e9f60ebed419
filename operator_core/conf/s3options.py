"""How a job's configuration reaches its S3-compatible store: endpoint, region, addressing, keys, entropy.

Flink hands `s3.*` to whichever plugin is there; each knows prefixes of its own (`s3a.`, `fs.s3a.` of the Hadoop one,
`presto.s3.` of the other) and spells some keys with a dot, some with a hyphen. What any of them would take is read.
Sources: nightlies.apache.org/flink (deployment/filesystems/s3), the plugins' mirrored keys. Reads no environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SCHEMES = ("s3", "s3a", "s3p")
_PREFIXES = ("s3.", "s3a.", "fs.s3a.", "presto.s3.")
_ENTROPY = "s3.entropy.key"
_AWS_HOST = re.compile(r"(?:^|\.)amazonaws\.com(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials; never shown."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Settings:
    """`endpoint` is a URL, None that of AWS; `path_style` None leaves the addressing to the endpoint's kind."""

    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    keys: Keys | None = None


def settings(conf: Mapping[str, str]) -> S3Settings:
    """What the configuration says; keys only where it holds both."""
    endpoint = _find(conf, "endpoint")
    style = _find(conf, "path.style.access", "path-style-access")
    access, secret = _find(conf, "access-key", "access.key"), _find(conf, "secret-key", "secret.key")
    token = _find(conf, "session-token", "session.token")
    return S3Settings(
        endpoint=_url(endpoint, conf) if endpoint else None,
        region=_find(conf, "region", "endpoint.region"),
        path_style=_is_true(style) if style else None,
        keys=Keys(access, secret, token) if access and secret else None,
    )


def is_of_aws(endpoint: str | None) -> bool:
    """Whether an endpoint is one of AWS itself."""
    return endpoint is None or _AWS_HOST.search((urlsplit(endpoint).hostname or "").lower()) is not None


def without_entropy(conf: Mapping[str, str], path: str) -> str:
    """Where metadata lies below a directory with an entropy marker: Flink leaves the marker out there."""
    marker = conf.get(_ENTROPY)
    return path.replace(f"{marker}/", "").replace(marker, "") if marker else path


def _find(conf: Mapping[str, str], *names: str) -> str | None:
    found = (conf.get(prefix + name, "").strip() for name in names for prefix in _PREFIXES)
    return next((value for value in found if value), None)


def _url(endpoint: str, conf: Mapping[str, str]) -> str:
    if "://" in endpoint:
        return endpoint.rstrip("/")
    encrypted = _is_true(_find(conf, "connection.ssl.enabled", "ssl.enabled") or "true")
    return f"{'https' if encrypted else 'http'}://{endpoint.rstrip('/')}"


def _is_true(text: str) -> bool:
    return text.strip().lower() == "true"
