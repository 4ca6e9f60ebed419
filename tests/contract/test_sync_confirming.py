"""Deletions need two renders that agree: with a real API server, real repositories and the real helm."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubectls
import pytest
import renderers
from syncing import ONE, Cluster, Repository, Start, wait_for

from gitsync.render import compositions
from gitsync.render.compositions import Composition
from gitsync.render.layouts import Place
from gitsync.sandbox import gotools
from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS

TWO = ONE.replace("{name: one}", "{name: two}")
RANDOM = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: 'made-{{ randAlphaNum 12 | lower }}'}
data: {a: {{ .Values.a | quote }}}
"""


class Renders:
    """Every render of the process, and those that are made to lose an object, as a race or a fault would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.loses: dict[int, str] = {}
        self._joined = compositions.joined
        monkeypatch.setattr(compositions, "joined", self._counted)

    def _counted(self, places: Sequence[Place], *rest: Any) -> Composition:
        found = self._joined(places, *rest)
        self.count += 1
        lost = self.loses.get(self.count)
        left = tuple(one for one in found.whole.objects if one.body["metadata"]["name"] != lost)
        whole = replace(found.whole, objects=left)
        return replace(found, whole=whole, made={0: whole})


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> Renders:
    return Renders(monkeypatch)


def test_an_ordinary_removal_costs_one_more_render_and_no_request(
    cluster: Cluster, repository: Repository, start: Start, renders: Renders
) -> None:
    first = repository.commit("two", {"apps/one.yaml": ONE, "apps/two.yaml": TWO})
    agent = start(prune=True)
    cluster.wait_synced(first)
    assert renders.count == 1
    wait_for("write-back", lambda: cluster.condition("WriteBack")[0] == "True" or None)
    sent: list[tuple[str, str]] = []
    send = agent.half.client.send_bytes

    def told(request: requests.Request, **more: Any) -> bytes:
        sent.append((request.method, request.path))
        return send(request, **more)

    agent.half.client.send_bytes = told  # type: ignore[method-assign]
    second = repository.commit("one less", {"apps/two.yaml": None})
    cluster.wait_synced(second)
    wait_for("the end", lambda: cluster.get(CONFIG_MAPS, "two") is None)
    wait_for("a clean inventory", lambda: len(cluster.app().status.inventory) == 1 or None)
    assert renders.count == 3
    objects = [one for one in sent if "syncapps" not in one[1] and "events" not in one[1]]
    assert objects == [("DELETE", f"/api/v1/namespaces/{cluster.namespace}/configmaps/two")]
    repository.commit("nothing is deleted", {"apps/one.yaml": ONE.replace('"1"', '"5"')})
    wait_for("the change", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "5" or None)
    assert renders.count == 4


def test_a_render_that_loses_an_object_deletes_nothing(
    cluster: Cluster, repository: Repository, start: Start, renders: Renders
) -> None:
    first = repository.commit("two", {"apps/one.yaml": ONE, "apps/two.yaml": TWO})
    start(prune=True)
    cluster.wait_synced(first)
    before = dig(cluster.get(CONFIG_MAPS, "two"), "metadata", "uid")
    renders.loses = {2: "two"}
    second = repository.commit("a change", {"apps/one.yaml": ONE.replace('"1"', '"9"')})
    message = cluster.wait_not_ready("PruneBlocked")
    assert second[:7] in message and "two renders of one commit must not differ" in message
    wait_for("what both have", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "9" or None)
    assert dig(cluster.get(CONFIG_MAPS, "two"), "metadata", "uid") == before
    # The next commit is rendered as it should be.
    third = repository.commit("next", {"apps/one.yaml": ONE.replace('"1"', '"8"')})
    cluster.wait_synced(third)
    assert dig(cluster.get(CONFIG_MAPS, "two"), "metadata", "uid") == before


def test_a_chart_with_names_made_at_random_is_applied_and_never_pruned(
    cluster: Cluster, repository: Repository, start: Start, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    helm = renderers.program(gotools.HELM, request.config)
    chart = "apiVersion: v2\nname: dice\nversion: 1.0.0\n"
    files = {"apps/Chart.yaml": chart, "apps/values.yaml": "a: '1'\n", "apps/templates/a.yaml": RANDOM}
    first = repository.commit("dice", files)
    start(prune=True, recurse=False, helm=str(helm), kubectl=kubectls.kubectl(tmp_path))
    cluster.wait_synced(first)

    def made() -> set[str]:
        items = cluster.client.send(requests.listing(CONFIG_MAPS, cluster.namespace))["items"]
        return {one["metadata"]["name"] for one in items if one["metadata"]["name"].startswith("made-")}

    before = made()
    assert len(before) == 1
    repository.commit("again", {"apps/values.yaml": "a: '2'\n"})
    message = cluster.wait_not_ready("PruneBlocked")
    assert "two renders of one commit must not differ" in message
    assert before < made(), "the former one is still there"
