"""The kubectl that the sandbox's control plane brings, for tests that need a Kustomize."""

from pathlib import Path

from gitsync.sandbox import building
from gitsync.sandbox.progress import Progress


def kubectl(directory: Path) -> Path:
    """A link in `directory`; the program behind it says by its name what it is."""
    link = directory / "kubectl"
    link.symlink_to(building.control_plane(Progress()))
    return link
