"""Which images this sandbox knows: Flink's, this installation's, and what was added to its folder.

`DIR/images/NAME.json` records an added image (base and overlay folder); the overlay stays where it is and is read
again for every container, as a rebuilt jar should be. Nothing is fetched here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from gitsync.sandbox import errors
from gitsync.sandbox.images import classarchives, flinkhome, flinkimage, overlays, releases, thisimage
from gitsync.sandbox.images.models import Image, UnknownImage
from gitsync.sandbox.layout import Layout

MAX_BASES = 16


def add(dir: Path, name: str, base: str, overlay: Path) -> None:
    """Record the image `name` = `base` + the files of `overlay`. Raises SandboxError for an unusable base or folder."""
    if not overlay.is_dir():
        raise errors.SandboxError(
            f"the overlay {overlay} is not a folder; give one that holds the image's files from / on"
        )
    reference = normal(name)
    if not _is_known(dir, base) or reference == normal(base):
        raise errors.SandboxError(
            f"the base image {base} is not known here; use flink:1.20, flink:2.3, gitsync or an added image"
        )
    record = _record(dir, reference)
    record.parent.mkdir(parents=True, exist_ok=True)
    scratch = record.with_suffix(".tmp")
    scratch.write_text(
        json.dumps({"name": reference, "base": base, "overlay": str(overlay.resolve())}), encoding="utf-8"
    )
    scratch.rename(record)


def names(dir: Path) -> tuple[str, ...]:
    """The images that were added to this sandbox."""
    records = sorted((dir / "images").glob("*.json"))
    return tuple(str(json.loads(record.read_text(encoding="utf-8"))["name"]) for record in records)


def resolve(dir: Path, reference: str, java_home: Callable[[], Path]) -> Image:
    """The image of that reference. Raises UnknownImage when there is none or its files are not in the cache."""
    return _resolve(dir, reference, java_home, MAX_BASES)


def release_needed(dir: Path, reference: str) -> str | None:
    """The Flink release an image builds on, None for other images."""
    for _ in range(MAX_BASES):
        added = _read(dir, reference)
        if added is None:
            return releases.release_of(reference)
        reference = added["base"]
    return None


def normal(reference: str) -> str:
    """The reference with its tag written out, as `docker` does: `app` is `app:latest`."""
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"


def _resolve(dir: Path, reference: str, java_home: Callable[[], Path], bases: int) -> Image:
    added = _read(dir, reference)
    if added is not None:
        folder = Path(added["overlay"])
        if not folder.is_dir() or bases == 0:
            raise UnknownImage(f"the overlay folder {folder} of image {reference} is gone; add the image again")
        return overlays.laid_over(_resolve(dir, added["base"], java_home, bases - 1), folder, reference)
    if thisimage.is_named(reference):
        return thisimage.image(reference, Layout(dir).bin / "kubectl")
    release = releases.release_of(reference)
    if release is None:
        raise UnknownImage(
            f'no image "{reference}" in the sandbox: it has flink:1.18 to flink:2.3, gitsync '
            "and what `gitsync sandbox image add` laid over them"
        )
    if not flinkhome.is_ready(release):
        raise UnknownImage(f"Flink {release} is not in the cache yet")
    home, java = flinkhome.location(release), java_home()
    return flinkimage.image(reference, release, home, java, classarchives.find(release, home, java))


def _is_known(dir: Path, reference: str) -> bool:
    return (
        _read(dir, reference) is not None or thisimage.is_named(reference) or releases.release_of(reference) is not None
    )


def _read(dir: Path, reference: str) -> dict[str, str] | None:
    try:
        value = json.loads(_record(dir, normal(reference)).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {str(key): str(text) for key, text in value.items()}


def _record(dir: Path, reference: str) -> Path:
    return dir / "images" / f"{quote(reference, safe='')}.json"
