"""The images of this sandbox, as the kubelet asks for them.

Shell around `images.registry`: finds Java once, and asks the part of the sandbox that has a network for a Flink
release that is not in the cache (a file below `images/wanted/` that disappears when the answer is there).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from gitsync.sandbox import errors, toolchains
from gitsync.sandbox.images import pulling, registry
from gitsync.sandbox.images.models import Image, UnknownImage
from gitsync.sandbox.progress import Progress


class ImageStore:
    """The images that `folder`'s sandbox can run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, reference: str) -> Image:
        """The image. Raises UnknownImage; a release that can be fetched is asked for first."""
        try:
            return registry.resolve(self._folder, reference, lambda: self._java)
        except UnknownImage:
            release = registry.release_needed(self._folder, reference)
            if release is not None:
                raise UnknownImage(pulling.ask(self._folder, release)) from None
            raise
        except errors.SandboxError as error:
            raise UnknownImage(str(error)) from error

    @cached_property
    def _java(self) -> Path:
        return toolchains.find_java(Progress())
