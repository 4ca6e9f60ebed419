"""Which repository a URL names, and whether the agent may talk to it that way.

Pure. Only transports that cannot run a command are allowed: https, ssh, a local path, and http where
both ends are this machine. Credentials in a URL are taken out of it at once, so that no message,
file name or process argument can show them. Rules: git-remote-ext(1), gitcredentials(7),
CVE-2020-5260 (control characters in URLs).
"""

import hashlib
import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, unquote, urlsplit

from gitsync.git.access import Credentials
from operator_core import masking
from operator_core.errors import Reason, Stalled

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)(?P<separator>://|::)")
_SCP_LIKE = re.compile(r"(?:(?P<user>[^/@:]+)@)?(?P<host>\[[^/\]]+\]|[^/:@]+):(?P<path>.*)")
_SSH_USER = re.compile(r"[A-Za-z0-9_][\w.+-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings allow beside https."""

    local_paths: bool = True
    loopback_http: bool = False
    module_hosts: tuple[str, ...] = ()
    """Hosts submodules may be on beside their repository's own; `*` for any."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository that may be used. `url` holds no credentials and is what Git and people are given."""

    url: str
    protocol: str
    credentials: Credentials

    @property
    def base(self) -> str:
        """Scheme, host and port of a URL with a scheme: where credentials may be sent."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def directory_name(self) -> str:
        """A name for its mirror that no other repository has."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", self.url.rstrip("/").removesuffix(".git").rpartition("/")[2]).strip("-")
        return f"{words[:40] or 'repository'}-{hashlib.sha256(self.url.encode()).hexdigest()[:16]}"


def without_credentials(text: str) -> str:
    """`text` with the user part of every URL in it taken out."""
    return masking.without_credentials(text)


def canonical(url: str) -> str:
    """The URL of the mirror an app's URL leads to; the text itself where it leads to none."""
    try:
        return parse(url, Policy(loopback_http=True)).url
    except Stalled:
        return url


def with_scheme(url: str) -> str:
    """`user@host:path` as the ssh URL of the same repository; any other text as it is."""
    scp_like = _SCP_LIKE.fullmatch(url) if "://" not in url and not url.startswith("/") else None
    if scp_like is None or "::" in url:
        return url
    user = f"{scp_like['user']}@" if scp_like["user"] else ""
    return f"ssh://{user}{scp_like['host']}/{scp_like['path'].lstrip('/')}"


def host_of(url: str) -> str:
    """The name of the host a URL leads to, in small letters; empty where there is none."""
    try:
        return (urlsplit(with_scheme(url)).hostname or "").lower()
    except ValueError:
        return ""


def path_of(url: str) -> str:
    """The path of the repository below its host, without `.git`; empty where there is none."""
    try:
        return unquote(urlsplit(with_scheme(url)).path).strip("/").removesuffix(".git")
    except ValueError:
        return ""


def place(url: str) -> str:
    """Host and path of a repository however it is reached and written; a local path as it is.

    Good enough for what was said of a repository to find it; never for deciding what may be read.
    """
    host = host_of(url)
    return f"{host}/{path_of(url)}".rstrip("/").lower() if host else path_of_file(url)


def path_of_file(url: str) -> str:
    """A local repository's path without `.git` and the slash at its end."""
    return url.removeprefix("file://").rstrip("/").removesuffix(".git")


def parse(url: str, policy: Policy, credentials: Credentials | None = None) -> Remote:
    """The repository `url` names; `credentials` win over those in the URL.

    Raises Stalled(RepositoryRefused) with what is allowed instead.
    """
    if not url or url.startswith("-") or any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise _refused(url, "it is empty, starts with '-' or holds spaces or control characters")
    if url.startswith("/"):
        return _local(url, url, policy)
    match = _SCHEME.match(url)
    if match is None:
        scp_like = _SCP_LIKE.fullmatch(url)
        if scp_like is not None:
            return _over_ssh(url, url, (scp_like["user"] or "", scp_like["host"], scp_like["path"]), credentials)
        raise _refused(url, "write an https or ssh URL, or an absolute path")
    scheme = match["scheme"].lower()
    if match["separator"] == "://" and scheme in ("https", "http"):
        return _over_http(url, scheme, policy, credentials)
    if match["separator"] == "://" and scheme == "file":
        return _local(url, unquote(url[len("file://") :]), policy)
    if match["separator"] == "://" and scheme == "ssh":
        return _ssh_url(url, credentials)
    raise _refused(url, f"the transport {scheme!r} is not allowed: use https, ssh or an absolute path")


def _local(url: str, path: str, policy: Policy) -> Remote:
    if not policy.local_paths:
        raise _refused(url, "local paths are switched off in the settings")
    if not path.startswith("/") or "\x00" in path or "\n" in path:
        raise _refused(url, "a local repository is named by its absolute path")
    return Remote(path.rstrip("/") or "/", "file", Credentials())


def _ssh_url(url: str, credentials: Credentials | None) -> Remote:
    parts, host, port = _split(url)
    if parts.password is not None:
        raise _refused(url, "ssh identifies with a key: leave the password out of the URL")
    if parts.query:
        raise _refused(url, "an ssh URL holds no '?'")
    user = f"{parts.username}@" if parts.username else ""
    place = f"[{host}]" if ":" in host else host
    clean = f"ssh://{user}{place}{f':{port}' if port else ''}{parts.path}"
    return _over_ssh(url, clean, (parts.username or "", place, parts.path), credentials)


def _over_ssh(url: str, clean: str, parts: tuple[str, str, str], credentials: Credentials | None) -> Remote:
    """`parts`: user, host and path; none of them may be taken for an option by ssh or by the server's shell."""
    user, host, path = parts
    if not _HOST.fullmatch(host) or (user and not _SSH_USER.fullmatch(user)):
        raise _refused(url, "its user or host is none that ssh may be given")
    if path.lstrip("/~").startswith("-") or not path.strip("/"):
        raise _refused(url, "its path is empty or starts with '-'")
    known = credentials or Credentials()
    return Remote(clean, "ssh", replace(known, username="", password="", bearer_token=""))


def _split(url: str) -> tuple[SplitResult, str, int | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(url, "host or port cannot be read") from error
    if not host or parts.fragment:
        raise _refused(url, "it names no host, or holds a '#'")
    return parts, host, port


def _over_http(url: str, scheme: str, policy: Policy, credentials: Credentials | None) -> Remote:
    parts, host, port = _split(url)
    if scheme == "http" and not (policy.loopback_http and _is_loopback(host)):
        raise _refused(url, "http is not encrypted: use https")
    place = f"[{host}]" if ":" in host else host
    clean = f"{scheme}://{place}{f':{port}' if port else ''}{parts.path}{f'?{parts.query}' if parts.query else ''}"
    known = credentials or Credentials()
    if not known.identifies:
        known = replace(known, username=unquote(parts.username or ""), password=unquote(parts.password or ""))
    return Remote(clean, scheme, replace(known, ssh_key="", known_hosts=""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(url: str, why: str) -> Stalled:
    shown = without_credentials("".join(char if char.isprintable() else "?" for char in url))
    return Stalled(Reason.RepositoryRefused, f"repository {shown!r} is refused: {why}")
