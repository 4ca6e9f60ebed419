"""What a request for a sync asks for: the words of the annotation `gitsync.io/sync-requested`.

Pure. The value is `<id> [prune] [only=Kind/name,…]`: any id that was not used before, whether what Git no longer has is
deleted though the app's policy leaves it (Argo CD, `argocd app sync --prune`), and the objects it is for.
"""

from collections.abc import Iterable

_SELECTION = " only="
_PRUNE = "prune"


def text(request: str, only: Iterable[str] = (), *, prune: bool = False) -> str:
    """The annotation's value for a request of that id."""
    listed = ",".join(only)
    return request + (f" {_PRUNE}" if prune else "") + (f"{_SELECTION}{listed}" if listed else "")


def selection(request: str | None) -> tuple[str, ...]:
    """The `Kind/name` globs of a request; empty: everything."""
    _, mark, listed = (request or "").partition(_SELECTION)
    return tuple(part.strip() for part in listed.split(",") if part.strip()) if mark else ()


def prunes(request: str | None) -> bool:
    """Whether it asks to delete what Git no longer has."""
    return _PRUNE in (request or "").partition(_SELECTION)[0].split()[1:]
