"""Brings a Flink release into the cache, with everything that makes its image good to run.

The one call for whoever knows beforehand which image will be needed (the demo, the tests, `sandbox image`); the kubelet
asks for the rest by `pulling`.
"""

from __future__ import annotations

from gitsync.sandbox import errors, toolchains
from gitsync.sandbox.images import classarchives, flinkhome, releases
from gitsync.sandbox.progress import Progress


def provide(reference: str, progress: Progress) -> str:
    """Fetch what the image `reference` (such as flink:1.20) needs; its Flink release. Raises SandboxError."""
    release = releases.release_of(reference)
    if release is None:
        raise errors.SandboxError(f"{reference} is not a Flink image; known are flink:1.18 to flink:2.3")
    java = toolchains.find_java(progress)
    home = flinkhome.assemble(release, progress)
    classarchives.make(release, home, java, progress)
    return release
