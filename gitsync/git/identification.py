"""What lets Git identify to one remote, and to no other host: settings, variables, files in memory.

Knows git-config(1) and ssh_config(5); secrets are never arguments. ssh is given everything it may
use: no configuration, agent, key or known host of this machine counts, and it never asks.
"""

import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

from gitsync.git import tunnels, urls
from gitsync.git.access import Credentials
from gitsync.git.memoryfiles import MemoryFiles
from operator_core.errors import Reason, Stalled

_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$GITSYNC_GIT_USERNAME" "$GITSYNC_GIT_PASSWORD"; }; f'
)
_SSH_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "ControlPath=none",
    "CanonicalizeHostname=no",
)


def of(remote: urls.Remote, files: MemoryFiles) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Git's settings and the environment for a command that talks to `remote`; `files` lives as long as the command.

    Raises Stalled(RepositoryRefused) for what the transport has no use for.
    """
    if remote.protocol == "ssh":
        return [], _over_ssh(remote, files)
    if remote.protocol in ("https", "http"):
        return _over_http(remote, files)
    return [], {}


def _over_ssh(remote: urls.Remote, files: MemoryFiles) -> dict[str, str]:
    proxy = _proxy(remote)
    # ssh runs the way through a proxy by the user's shell, which may be one that lets nobody in.
    more = {tunnels.PROXY: proxy, "SHELL": "/bin/sh"} if proxy else {}
    command = ssh_command(remote.credentials, files, is_proxied=bool(proxy))
    return {"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh", **more}


def _proxy(remote: urls.Remote) -> str:
    """The proxy on the way to a host; empty for none. Raises Stalled for one that ssh cannot go through."""
    known = remote.credentials
    if not known.proxy or _is_direct(urls.host_of(remote.url), known.no_proxy):
        return ""
    try:
        parts = urlsplit(known.proxy)
        is_usable = parts.scheme in tunnels.SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable:
        allowed = ", ".join(f"{scheme}://" for scheme in tunnels.SCHEMES)
        problem = f"the proxy in its Secret is none that ssh can go through: give the URL of one of {allowed}"
        raise Stalled(Reason.RepositoryRefused, problem)
    return known.proxy


def _is_direct(host: str, no_proxy: str) -> bool:
    """As curl reads its list: hosts, domains with all below them, or `*`."""
    places = [part.strip().lower().lstrip(".") for part in no_proxy.split(",")]
    return any(place in ("*", host) or host.endswith(f".{place}") for place in places if place)


def _tunnel() -> str:
    """The program between ssh and a proxy; ssh fills in host and port, which `urls` has checked."""
    program = (sys.executable, "-I", "-S", str(Path(tunnels.__file__).resolve()))
    return " ".join([*(shlex.quote(part).replace("%", "%%") for part in program), "%h", "%p"])


def ssh_command(known: Credentials, files: MemoryFiles, *, is_proxied: bool = False) -> str:
    """The ssh that Git is to run, with everything it may know."""
    options = [
        *_SSH_OPTIONS,
        f"ProxyCommand={_tunnel() if is_proxied else 'none'}",
        f"IdentityFile={files.add('key', known.ssh_key.strip() + chr(10)) if known.ssh_key else 'none'}",
    ]
    if known.insecure:
        options += ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    else:
        options += ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={files.add('known_hosts', known.known_hosts)}"]
    return " ".join(["ssh", "-F", "/dev/null", *(f"-o {shlex.quote(option)}" for option in options)])


def _over_http(remote: urls.Remote, files: MemoryFiles) -> tuple[list[tuple[str, str]], dict[str, str]]:
    known = remote.credentials
    settings: list[tuple[str, str]] = []
    secrets: dict[str, str] = {}
    here = f"http.{remote.base}/"
    if known.ca_certificates:
        settings.append((f"{here}.sslCAInfo", files.add("ca", known.ca_certificates)))
    elif known.ca_file:
        settings.append((f"{here}.sslCAInfo", known.ca_file))
    if known.insecure:
        settings.append((f"{here}.sslVerify", "false"))
    if known.client_certificate:
        settings.append((f"{here}.sslCert", files.add("certificate", known.client_certificate)))
        settings.append((f"{here}.sslKey", files.add("key", known.client_key)))
    if known.proxy:
        settings.append((f"{here}.proxy", known.proxy))
    if known.no_proxy:
        secrets["NO_PROXY"] = secrets["no_proxy"] = known.no_proxy
    if known.identifies:
        settings.append(("http.followRedirects", "false"))
    if known.bearer_token:
        settings.append((f"{here}.extraHeader", f"Authorization: Bearer {known.bearer_token}"))
    elif known.username or known.password:
        settings.append((f"credential.{remote.base}.helper", _HELPER))
        secrets |= {"GITSYNC_GIT_USERNAME": known.username or "git", "GITSYNC_GIT_PASSWORD": known.password}
    return settings, secrets
