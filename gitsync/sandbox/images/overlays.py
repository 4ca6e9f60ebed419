"""Lays a folder of files over an image.

Pure apart from listing the folders it is given: a file inside a folder that the base binds as a whole cannot be
mounted there (the folder is read-only), so such a folder is replaced by its entries, one level at a time, down to
where the new file goes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from gitsync.sandbox.images.models import Bind, Image


def laid_over(image: Image, folder: Path, reference: str) -> Image:
    """`image` with every file of `folder` at the same path below `/`, under a new name."""
    binds = list(image.binds)
    copies = list(image.copies)
    for file in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        target = "/" + file.relative_to(folder).as_posix()
        binds = _with(_opened(binds, target), Bind(file, target))
        copies = [entry for entry in copies if entry.target != target]
    return replace(image, reference=reference, binds=tuple(binds), copies=tuple(copies))


def _opened(binds: list[Bind], target: str) -> list[Bind]:
    while (over := _covering(binds, target)) is not None:
        children = [Bind(child, f"{over.target.rstrip('/')}/{child.name}") for child in sorted(over.source.iterdir())]
        binds = [entry for entry in binds if entry is not over] + children
    return binds


def _covering(binds: list[Bind], target: str) -> Bind | None:
    above = {str(parent) for parent in PurePosixPath(target).parents}
    return next((entry for entry in binds if entry.target in above and entry.source.is_dir()), None)


def _with(binds: list[Bind], added: Bind) -> list[Bind]:
    return [*(entry for entry in binds if entry.target != added.target), added]
