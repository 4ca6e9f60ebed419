"""Where the jar of a session job comes from: fetched over https into a file, or a file below one directory.

What is asked for is untrusted: a jar's URI is written by whoever may create a FlinkSessionJob. Remote hosts are
resolved once, checked and connected to by that address, so that a name cannot point elsewhere afterwards; every
redirect is checked the same way and never gets the configured headers at another host; size and time are limited.
Local files are compared after all symbolic links are followed, and again once they are open.
"""

import contextlib
import os
import shutil
import socket
import ssl
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from operator_core.decide import sessionrules
from operator_core.errors import Reason, Retry

_REDIRECTS = 5
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0
_CHUNK = 256 * 1024

Resolve = Callable[[str, int], tuple[str, ...]]


class JarUnavailable(Retry):
    """The jar cannot be had now; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.SubmissionFailed, message)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be fetched. `directory`: the one below which local files are read; sizes in bytes, times in seconds."""

    schemes: tuple[str, ...] = ("https",)
    restricted_hosts: bool = True
    headers: Mapping[str, str] | None = None
    directory: str | None = None
    max_bytes: int = 512 * 1024 * 1024
    seconds: float = 600.0


def addresses(host: str, port: int) -> tuple[str, ...]:
    """The addresses a host name has. Raises JarUnavailable."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise JarUnavailable(f"jarURI host '{host}' cannot be resolved: {error.strerror or error}") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class JarSources:
    """Puts jars into files. Safe to share between threads."""

    def __init__(self, *, resolve: Resolve = addresses) -> None:
        """Trusts the authorities of the system, or those that SSL_CERT_FILE names."""
        timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(
            timeout=timeout, limits=limits, verify=ssl.create_default_context(), trust_env=False
        )
        self._resolve = resolve

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def fetch(self, uri: str, target: Path, policy: Policy) -> None:
        """Put what `uri` names into the file `target`. Raises JarUnavailable."""
        scheme = urlsplit(uri).scheme.lower()
        if scheme in sessionrules.LOCAL_SCHEMES:
            copy_local(uri, target, policy)
        else:
            self._download(uri, target, policy)

    def _download(self, uri: str, target: Path, policy: Policy) -> None:
        end = time.monotonic() + policy.seconds
        origin = _origin(uri)
        for _ in range(_REDIRECTS + 1):
            headers = dict(policy.headers or {}) if _origin(uri) == origin else {}
            request = self._request(uri, headers, policy)
            try:
                with contextlib.closing(self._client.send(request, stream=True)) as answer:
                    if not answer.is_redirect:
                        _save(answer, uri, target, policy, end)
                        return
                    uri = urljoin(uri, answer.headers.get("location", ""))
            except httpx.HTTPError as error:
                raise JarUnavailable(f"fetching {_shown(uri)} failed: {error or type(error).__name__}") from error
        raise JarUnavailable(f"{_shown(uri)} redirects more than {_REDIRECTS} times")

    def _request(self, uri: str, headers: dict[str, str], policy: Policy) -> httpx.Request:
        """A request to one checked address, for the host that the URI names."""
        url = urlsplit(uri)
        scheme, host = url.scheme.lower(), url.hostname or ""
        if scheme not in policy.schemes or scheme not in ("http", "https") or not host:
            raise JarUnavailable(f"{_shown(uri)} is not one of the allowed schemes {', '.join(policy.schemes)}")
        try:
            port = url.port or (443 if scheme == "https" else 80)
        except ValueError as error:
            raise JarUnavailable(f"{_shown(uri)} is not a valid URI") from error
        found = self._resolve(host, port)
        if policy.restricted_hosts and (not found or any(sessionrules.is_restricted(each) for each in found)):
            raise JarUnavailable(
                f"host '{host}' is a restricted address (loopback, link-local, private), which is not allowed for jars"
            )
        address = f"[{found[0]}]" if ":" in found[0] else found[0]
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        named = f"{host}:{url.port}" if url.port else host
        return self._client.build_request(
            "GET",
            f"{scheme}://{address}:{port}{path}",
            headers={**headers, "Host": named, "User-Agent": "gitsync"},
            extensions={"sni_hostname": host},
        )


def _save(answer: httpx.Response, uri: str, target: Path, policy: Policy, end: float) -> None:
    if answer.status_code != 200:
        raise JarUnavailable(f"{_shown(uri)} answered {answer.status_code} {answer.reason_phrase}".rstrip())
    size = 0
    with target.open("wb") as jar:
        for chunk in answer.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > policy.max_bytes:
                raise JarUnavailable(f"{_shown(uri)} is larger than {policy.max_bytes} bytes")
            if time.monotonic() > end:
                raise JarUnavailable(f"{_shown(uri)} did not come within {policy.seconds:.0f} s")
            jar.write(chunk)


def copy_local(uri: str, target: Path, policy: Policy) -> None:
    """Copy a file below the policy's directory. Raises JarUnavailable."""
    if not policy.directory:
        raise JarUnavailable(f"{uri}: no directory for local jars is configured")
    url = urlsplit(uri)
    if url.netloc not in ("", "localhost"):
        raise JarUnavailable(f"{uri} names a host; write {url.scheme}:///path")
    try:
        root = Path(policy.directory).resolve(strict=True)
        wanted = Path(unquote(url.path)).resolve(strict=True)
        if not wanted.is_relative_to(root):
            raise JarUnavailable(f"{uri} is not below {policy.directory}")
        descriptor = os.open(wanted, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as jar:
            _check_open(jar.fileno(), root, uri, policy)
            with target.open("wb") as copy:
                shutil.copyfileobj(jar, copy, _CHUNK)
    except OSError as error:
        raise JarUnavailable(f"{uri} cannot be read: {error.strerror}") from error


def _check_open(descriptor: int, root: Path, uri: str, policy: Policy) -> None:
    """What was opened is what was checked: a directory on the way may have become a link meanwhile."""
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        raise JarUnavailable(f"{uri} is not a file")
    if not Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_relative_to(root):
        raise JarUnavailable(f"{uri} is not below {policy.directory}")
    if opened.st_size > policy.max_bytes:
        raise JarUnavailable(f"{uri} is larger than {policy.max_bytes} bytes")


def _origin(uri: str) -> tuple[str, str, int | None]:
    url = urlsplit(uri)
    return url.scheme.lower(), (url.hostname or "").lower(), url.port


def _shown(uri: str) -> str:
    """The URI without what may be secret: user, password, query."""
    url = urlsplit(uri)
    return f"{url.scheme}://{url.hostname or ''}{url.path}"
