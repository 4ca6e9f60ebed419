"""The demo job's sources, its jar, and the proof that the two belong together.

The jar is kept beside the sources, so that nobody needs a Java compiler to run it; its manifest names the
SHA-256 of the sources it was built from. Knows nothing about compiling (`build`) or running it.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
JAR = FOLDER / "demo-job.jar"
MAIN_CLASS = "io.gitsync.demo.DemoJob"
DIGEST_ATTRIBUTE = "Source-SHA256"


def source_files() -> tuple[Path, ...]:
    """Every Java file of the job, in a fixed order."""
    return tuple(sorted((FOLDER / "java").rglob("*.java")))


def source_digest(files: tuple[Path, ...]) -> str:
    """SHA-256 over names and contents (Git may change line ends on checkout; they do not count)."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def recorded_digest(jar: Path) -> str | None:
    """The digest in the jar's manifest; None when it has none. Long values are continued with a leading space."""
    with zipfile.ZipFile(jar) as archive:
        manifest = archive.read("META-INF/MANIFEST.MF").decode("utf-8")
    for line in manifest.replace("\r\n ", "").splitlines():
        name, _, value = line.partition(": ")
        if name == DIGEST_ATTRIBUTE:
            return value
    return None
