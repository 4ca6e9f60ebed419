"""What a container image is here: files of this machine at places of a container, and how to start it.

Pure values. An image owns no files: it binds what is in the cache, in this installation or in an overlay
read-only, copies the few files that its programs rewrite, and names folders that must be writable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of this machine seen at `target` (absolute, normalised).

    `always_seen`: also below a place where a pod mounts a volume.
    """

    source: Path
    target: str
    always_seen: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """`binds` are read-only, each container gets its own writable copy of `copies` and empty folders `scratch`."""

    reference: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()
    copies: tuple[Bind, ...] = ()
    scratch: tuple[str, ...] = ()
    workdir: str = "/"
    user: str = "root"
    uid: int = 0
    gid: int = 0
    home: str = "/root"
    environment: dict[str, str] = field(default_factory=dict)


class UnknownImage(Exception):
    """No image of that name can be had; the message says what is known or what to do."""
