"""Filling the cache: all versions are looked at before anything is fetched, and each is fetched as its release."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.sandbox import building, errors, fetching, prebuilt, toolchains
from gitsync.sandbox.images import flinkhome
from gitsync.sandbox.progress import Progress


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built and fetched, in order."""
    made: list[str] = []
    monkeypatch.setattr(prebuilt, "find", lambda progress: None)
    monkeypatch.setattr(building, "control_plane", lambda progress: made.append("control plane"))
    monkeypatch.setattr(toolchains, "find_java", lambda progress: made.append("java"))
    monkeypatch.setattr(flinkhome, "assemble", lambda release, progress: made.append(release))
    return made


def test_each_version_is_fetched_as_its_newest_release(done: list[str]) -> None:
    fetching.fetch(["1.20", "2.2.1"], Progress())
    assert done == ["control plane", "java", "1.20.5", "2.2.1"]


def test_no_java_is_fetched_for_a_control_plane_alone(done: list[str]) -> None:
    fetching.fetch([], Progress())
    assert done == ["control plane"]


def test_nothing_is_built_where_a_control_plane_is_there(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prebuilt, "find", lambda progress: {"etcd": Path("etcd")})
    fetching.fetch([], Progress())
    assert done == []


@pytest.mark.parametrize("version", ["banana", "9.9", "1.20 2.3"])
def test_an_unknown_version_is_refused_before_the_first_byte(done: list[str], version: str) -> None:
    with pytest.raises(errors.SandboxError, match="is no version of Flink; try one of"):
        fetching.fetch(["1.20", version], Progress())
    assert done == []
