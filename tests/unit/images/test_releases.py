"""Which Flink release a tag means."""

from __future__ import annotations

import pytest

from gitsync.sandbox.images import releases, thisimage


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("flink:1.20", "1.20.5"),
        ("flink:1.20.1", "1.20.1"),
        ("flink:1.20.5-scala_2.12-java17", "1.20.5"),
        ("flink:2.3", "2.3.0"),
        ("flink:2", "2.3.0"),
        ("flink:1", "1.20.5"),
        ("flink:2.0-java21", "2.0.2"),
        ("apache/flink:2.2", "2.2.1"),
        ("docker.io/library/flink:1.19", "1.19.3"),
        ("registry.example.com:5000/mirror/flink:1.20", "1.20.5"),
        ("flink:1.20@sha256:0123", "1.20.5"),
        ("flink", "2.3.0"),
        ("flink:latest", "2.3.0"),
        ("flink:1.20-SNAPSHOT", "1.20.5"),
        ("flink:3.0", None),
        ("flink:0.9", None),
        ("flink:banana", None),
        ("myflink:1.20", None),
        ("flink-custom:1.20", None),
        ("nginx:1.20", None),
    ],
)
def test_releases(reference: str, release: str | None) -> None:
    assert releases.release_of(reference) == release


def test_every_minor_version_names_a_patch_of_its_own() -> None:
    assert all(patch.rpartition(".")[0] == minor for minor, patch in releases.NEWEST_PATCH.items())
    assert releases.NEWEST in releases.NEWEST_PATCH.values()


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("gitsync:dev", True),
        ("ghcr.io/x/gitsync:1.0", True),
        ("gitsync", True),
        ("gitsync-x:1", False),
        ("mygitsync:1", False),
    ],
)
def test_this_installation_is_an_image(reference: str, named: bool) -> None:
    assert thisimage.is_named(reference) is named
