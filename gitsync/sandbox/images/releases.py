"""Which Flink release an image tag stands for.

Pure. One table pins the newest patch release of every minor version that the package index offers; a tag with a
patch version names itself. Suffixes of the official images (`-scala_2.12`, `-java17`) say nothing here: the sandbox
has one Java, and Scala 2.12 is the only one Flink is built for.
"""

from __future__ import annotations

import re

NEWEST_PATCH = {
    "1.18": "1.18.1",
    "1.19": "1.19.3",
    "1.20": "1.20.5",
    "2.0": "2.0.2",
    "2.1": "2.1.3",
    "2.2": "2.2.1",
    "2.3": "2.3.0",
}
NEWEST = "2.3.0"
TAG = re.compile(r"^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-[\w.]+)*$")
REPOSITORY = re.compile(r"^(?:[\w.-]+(?::\d+)?/)*flink$")
"""`flink`, `apache/flink`, `docker.io/library/flink`: registries mirror the same image."""


def release_of(reference: str) -> str | None:
    """The release behind an image reference (`flink:1.20`, `apache/flink:2.0.1-java17`); None if it is not Flink's."""
    name, _, tag = reference.partition("@")[0].rpartition(":")
    if not name:
        name, tag = tag, "latest"
    if not REPOSITORY.match(name):
        return None
    if tag == "latest":
        return NEWEST
    match = TAG.match(tag)
    if match is None:
        return None
    major, minor, patch = match.groups()
    if minor is None:
        minors = [known for known in NEWEST_PATCH if known.startswith(f"{major}.")]
        return NEWEST_PATCH[max(minors, key=lambda text: int(text.split(".")[1]))] if minors else None
    if f"{major}.{minor}" not in NEWEST_PATCH:
        return None
    return f"{major}.{minor}.{patch}" if patch is not None else NEWEST_PATCH[f"{major}.{minor}"]
