"""What Git's words on standard error mean for the next pass.

Pure. Git is run with LC_ALL=C, so its messages are stable English; servers add their own lines
(`remote: …`). Everything a network can cause is a Retry, because a repository that vanished can
come back; what only a person can change about writing is PushForbidden.
"""

import re

from gitsync.git import urls
from operator_core.errors import AgentError, Reason, Retry, Stalled

_REFUSED_CREDENTIALS = (
    "authentication failed",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "invalid credentials",
    "returned error: 401",
    "returned error: 403",
    "http basic: access denied",
    "permission denied (publickey",
)
_HOST_KEY = ("host key verification failed",)
_KEY_FORM = ("error in libcrypto", "invalid format")
_MISSING = (
    "repository not found",
    "not found",
    "returned error: 404",
    "does not exist",
    "does not appear to be a git repository",
    "no such file or directory",
    "not a git repository",
)
_CERTIFICATE = ("certificate", "ssl ", "tls ", "gnutls", "openssl")
_BUSY = ("returned error: 429", "returned error: 503", "too many requests")
_RACE = (
    "fetch first",
    "non-fast-forward",
    "reference already exists",
    "incorrect old value",
    "failed to update ref",
    "cannot lock ref",
    "failed to lock",
    "stale info",
)
_FULL = ("no space left", "disk quota", "out of memory")
_NO_RIGHTS = ("permission denied", "insufficient permission", "read-only")
_FORBIDDEN = (
    *_REFUSED_CREDENTIALS,
    *_NO_RIGHTS,
    "unable to write",
    "not allowed to push",
    "denied",
    "protected",
    "service not enabled",
)
_CORRUPT = (
    "bad object",
    "object file",
    "loose object",
    "packfile",
    "unable to read tree",
    "unable to read sha1 file",
    "invalid sha1 pointer",
    "did not send all necessary objects",
    "remote did not send all",
    "index file corrupt",
    "bad signature",
)
_ANSWERED = "error: RPC failed"
"""Begins the line with a server's status; the fatal one after it only says what Git had hoped for."""
_HOPED_FOR = "expected 'packfile'"
_BUSY_PAUSE = 60.0
_SHORTEST_PAUSE = 1.0


def first_line(stderr: str) -> str:
    """The line of `stderr` that says most: a server's refusal, else Git's fatal line."""
    lines = [urls.without_credentials(line.strip()) for line in stderr.splitlines() if line.strip()]
    for start in (_ANSWERED, "fatal:", "error:", "remote:"):
        for line in lines:
            if line.startswith(start) and len(line) > len(start):
                return line[:300]
    return lines[-1][:300] if lines else "git gave no reason"


def unreachable(url: str, stderr: str, wait: float | None = None) -> AgentError:
    """Why a repository could not be read, as the error to raise; `wait`: the seconds its server asked for."""
    text = stderr.lower()
    detail = first_line(stderr)
    if _any(_BUSY, text):
        pause = max(wait, _SHORTEST_PAUSE) if wait is not None else _BUSY_PAUSE
        text = f"{url} asks to come back later, in {pause:.0f} seconds: {detail}"
        return Retry(Reason.RepositoryUnreachable, text, after=pause)
    if "load key" in text and _any(_KEY_FORM, text):
        why = "the ssh key of its Secret cannot be read: it must be a private key without a passphrase"
    elif _any(_REFUSED_CREDENTIALS, text):
        why = "it refused the credentials (or wants some): check user name, token or key, and their expiry"
    elif _any(_HOST_KEY, text):
        why = (
            "its host key is not among the known ones: add it to ssh_known_hosts of the ConfigMap "
            "argocd-ssh-known-hosts-cm, or to the settings' sshKnownHostsFile"
        )
    elif "could not resolve host" in text:
        why = "its host name cannot be resolved"
    elif _any(_CERTIFICATE, text):
        why = "its certificate is not trusted or the encrypted connection failed"
    elif _any(_MISSING, text):
        why = "there is no repository at this address, or no permission to see it"
    else:
        why = "it cannot be reached"
    return Retry(Reason.RepositoryUnreachable, f"cannot read {url}: {why} ({detail})")


def timed_out(url: str, seconds: float) -> Retry:
    """The error of a server that hangs."""
    return Retry(Reason.RepositoryUnreachable, f"cannot read {url}: no answer within {seconds:g} seconds")


def is_corrupt(stderr: str) -> bool:
    """Whether the mirror on this disk is damaged, and should be made anew."""
    return _any(_CORRUPT, stderr.lower().replace(_HOPED_FOR, ""))


def is_race(push_status: str, stderr: str) -> bool:
    """Whether a push lost to another writer and should be tried again on what that one wrote."""
    return _any(_RACE, push_status.lower()) and not _any(_NO_RIGHTS, stderr.lower())


def is_declined(push_status: str) -> bool:
    """Whether a hook of the server said no: it speaks of the push, not of one ref."""
    return "hook declined" in push_status.lower()


def push_refused(url: str, ref: str, stderr: str, push_status: str = "") -> AgentError:
    """Why a push did not arrive: `push_status` is the reason in Git's `!` line, where there is one."""
    text = f"{push_status}\n{stderr}".lower()
    detail = urls.without_credentials(push_status) or first_line(stderr)
    words = _hook_words(stderr) if is_declined(push_status) else ""
    detail = f"{words} {detail}" if words else detail
    if _any(_FULL, text):
        return Retry(Reason.RepositoryUnreachable, f"cannot push {ref} to {url}: {detail}")
    if push_status or _any(_FORBIDDEN, text):
        return Stalled(
            Reason.PushForbidden,
            f"not allowed to push {ref} to {url}: {detail}; give the agent's key write access to this ref",
        )
    return unreachable(url, stderr)


def _hook_words(stderr: str) -> str:
    """What a hook of the server said first, such as which branch is protected."""
    told = (line.strip().removeprefix("remote:").strip() for line in stderr.splitlines() if "remote:" in line)
    return urls.without_credentials(next(filter(None, told), ""))[:300]


def _any(signs: tuple[str, ...], text: str) -> bool:
    return any(re.search(rf"(?<![a-z]){re.escape(sign)}", text) for sign in signs)
