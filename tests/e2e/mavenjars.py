"""Jars of Maven Central, fetched once per machine and kept in the sandbox's cache; their checksum is checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx

from gitsync.sandbox import caches

_CENTRAL = "https://repo1.maven.org/maven2"
_SECONDS = 300.0


def jar(group: str, artifact: str, version: str) -> Path:
    """The jar's path. Raises httpx errors where it cannot be had."""
    place = f"{group.replace('.', '/')}/{artifact}/{version}"
    name = f"{artifact}-{version}.jar"
    folder = caches.cache_dir() / "maven" / place
    with caches.locked(f"maven-{artifact}-{version}"):
        if not (folder / name).exists():
            with caches.replacing(folder) as scratch:
                _fetch(f"{_CENTRAL}/{place}/{name}", scratch / name)
    return folder / name


def _fetch(url: str, file: Path) -> None:
    digest = hashlib.sha1()
    with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=True) as answer, file.open("wb") as target:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            target.write(chunk)
    told = httpx.get(f"{url}.sha1", timeout=_SECONDS, follow_redirects=True).raise_for_status().text.split()[0]
    assert digest.hexdigest() == told, f"{url} is damaged"
