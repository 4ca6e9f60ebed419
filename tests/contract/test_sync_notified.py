"""A push notification makes a commit apply at once, and costs nothing where it concerns no app."""

import pytest
from syncing import ONE, Cluster, Repository, Start

from gitsync.desired.fetching import Repositories
from gitsync.web.pushes import Push


def test_only_a_push_that_concerns_an_app_is_looked_at(
    cluster: Cluster, repository: Repository, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    half = start(poll_seconds=3600).half
    cluster.wait_synced(first)
    looked: list[str] = []
    look = Repositories.look
    monkeypatch.setattr(Repositories, "look", lambda self, url: (looked.append(url), look(self, url)))
    url = (f"file://{repository.bare}",)
    repository.commit("other", {"README.md": "x"})
    half.pushed(Push(url, "refs/heads/main", frozenset({"README.md"})))
    half.pushed(Push(url, "refs/heads/feature"))
    half.pushed(Push(("https://example.org/other.git",), "refs/heads/main"))
    assert looked == []
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    half.pushed(Push(url, "refs/heads/main", frozenset({"apps/one.yaml"})))
    assert looked == [str(repository.bare)]
    cluster.wait_synced(second)
