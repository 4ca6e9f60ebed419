"""Secrets that a program wants as files, without a file: readable under a path as long as they are open.

Linux memfd_create(2). The path leads through this process, so it works for programs that close what
they inherit, as ssh does; nothing reaches a disk, and nothing is left when the agent is killed.
"""

import os
from types import TracebackType


class MemoryFiles:
    """Files that exist until the context ends."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []

    def __enter__(self) -> "MemoryFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def read(self, path: str) -> str:
        """What a program has written to one of them."""
        size = os.fstat(int(path.rpartition("/")[2])).st_size
        return os.pread(int(path.rpartition("/")[2]), size, 0).decode("utf-8", "replace")

    def add(self, name: str, content: str) -> str:
        """The path under which `content` can be read, by this user only (ssh refuses keys others may read)."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        self._descriptors.append(descriptor)
        os.fchmod(descriptor, 0o600)
        data = content.encode()
        while data:
            data = data[os.write(descriptor, data) :]
        return f"/proc/{os.getpid()}/fd/{descriptor}"
