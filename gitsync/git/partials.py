"""How Git is told to leave the contents of files out, and to go for none of them by itself.

The repository is a promisor remote whose URL only the process of one fetch knows and no file holds: what
reads a mirror finds nobody to ask. Rules: git-fetch(1) `--filter`, gitglossary(7) "promisor", git-config(1)
`remote.<name>.promisor`.
"""

import logging
from pathlib import Path

from gitsync.git import urls

_log = logging.getLogger(__name__)

REMOTE = "partial"
"""The name Git knows the repository by."""
FILTER = "--filter=blob:none"
_MARK = f'[remote "{REMOTE}"]'
_UNFILTERED = "filtering not recognized by server"
_ONLY_TIPS = ("unadvertised object", "not our ref")


def is_asked(remote: urls.Remote) -> bool:
    """Whether the mirror of a repository is to have no contents but those that are asked for."""
    return remote.credentials.partial and remote.protocol in ("https", "http", "ssh")


def settings(remote: urls.Remote) -> tuple[tuple[str, str], ...]:
    """Git's settings for a command that fetches from the repository."""
    if not is_asked(remote):
        return ()
    return ((f"remote.{REMOTE}.url", remote.url), (f"remote.{REMOTE}.promisor", "true"))


def source(remote: urls.Remote) -> tuple[str, ...]:
    """The arguments of a fetch that say from where, and what to leave out."""
    return (FILTER, "--", REMOTE) if is_asked(remote) else ("--", remote.url)


def packing(remote: urls.Remote) -> tuple[str, ...]:
    """The arguments that combine the packs of a mirror: Git knows no steps for those of a promisor."""
    return ("repack", "-a", "-d", "-k", "-q") if is_asked(remote) else ("repack", "-d", "-q", "--geometric=2")


def is_marked(directory: Path) -> bool:
    """Whether the mirror in a directory was made without contents."""
    config = directory / "config"
    return config.exists() and _MARK in config.read_text("utf-8", "replace")


def tell_if_ignored(url: str, stderr: str) -> None:
    """Say it when a server sent the contents that it was asked to leave out."""
    if _UNFILTERED in stderr:
        _log.warning("%s sends whole commits only: partial in its Secret has no effect", url)


def gives_only_tips(stderr: str) -> bool:
    """Whether a server refuses to send what no branch or tag leads to directly."""
    return any(sign in stderr for sign in _ONLY_TIPS)
