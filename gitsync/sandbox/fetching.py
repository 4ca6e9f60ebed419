"""Fills the cache with what a sandbox would otherwise fetch or build when it first needs it.

Decides what there is to have; how each thing is made is its own module's. Starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitsync.sandbox import building, errors, prebuilt, toolchains
from gitsync.sandbox.images import flinkhome, releases
from gitsync.sandbox.progress import Progress


def fetch(versions: Iterable[str], progress: Progress) -> None:
    """The control plane, and the Flink releases of image tags such as `1.20`. Raises SandboxError; what is there stays.

    All versions are looked at before the first byte is fetched.
    """
    wanted = [_release(version) for version in versions]
    if prebuilt.find(progress) is None:
        building.control_plane(progress)
    if wanted:
        toolchains.find_java(progress)
    for release in wanted:
        flinkhome.assemble(release, progress)


def _release(version: str) -> str:
    release = releases.release_of(f"flink:{version}")
    if release is None:
        known = ", ".join(releases.NEWEST_PATCH)
        raise errors.SandboxError(f"{version!r} is no version of Flink; try one of {known}")
    return release
