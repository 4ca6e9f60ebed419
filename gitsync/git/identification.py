"""What lets Git identify to one remote, and to no other host: settings, variables, files in memory.

Knows git-config(1) and ssh_config(5); secrets are never arguments. ssh is given everything it may
use: no configuration, agent, key or known host of this machine counts, and it never asks.
"""

from gitsync.git import urls
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
    "ProxyCommand=none",
    "ControlPath=none",
    "CanonicalizeHostname=no",
)


def of(remote: urls.Remote, files: MemoryFiles) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Git's settings and the environment for a command that talks to `remote`; `files` lives as long as the command.

    Raises Stalled(RepositoryRefused) for what the transport has no use for.
    """
    if remote.protocol == "ssh":
        return [], {"GIT_SSH_COMMAND": ssh_command(remote.credentials, files), "GIT_SSH_VARIANT": "ssh"}
    if remote.protocol in ("https", "http"):
        return _over_http(remote, files)
    return [], {}


def ssh_command(known: Credentials, files: MemoryFiles) -> str:
    """The ssh that Git is to run, with everything it may know."""
    if known.proxy:
        raise Stalled(Reason.RepositoryRefused, "a proxy is only used for https: take it from the repository's Secret")
    options = [
        *_SSH_OPTIONS,
        f"IdentityFile={files.add('key', known.ssh_key.strip() + chr(10)) if known.ssh_key else 'none'}",
    ]
    if known.insecure:
        options += ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    else:
        options += ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={files.add('known_hosts', known.known_hosts)}"]
    return " ".join(["ssh", "-F", "/dev/null", *(f"-o {option}" for option in options)])


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
