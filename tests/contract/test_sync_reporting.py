"""What a whole sync half tells forges and chats: the right request, once, and never a reason not to be ready."""

from collections.abc import Iterator

import pytest
from httprecorder import Asked, Recorder, recording
from syncing import ONE, Cluster, Repository, Start, wait_for

from gitsync.web import signatures
from operator_core.kube import requests
from operator_core.kube.requests import SECRETS, SYNC_APPS

BROKEN = ONE.replace("data: {", "data: [{")


@pytest.fixture
def outside() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


def secret(cluster: Cluster, kind: str, **fields: str) -> None:
    meta = {"name": kind, "labels": {"gitsync.io/secret-type": kind}}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": fields}
    cluster.client.send(requests.create(SECRETS, cluster.namespace, body))


def forge(cluster: Cluster, repository: Repository, outside: Recorder) -> None:
    place = str(repository.bare.parent)
    secret(cluster, "forge", type="gitea", url=place, token="t0ken", api=f"{outside.url}/api/v1")


def states(asked: list[Asked], sha: str) -> list[str]:
    return [one.body["state"] for one in asked if one.path.endswith(f"/statuses/{sha}")]


def test_a_commit_shows_how_it_is(cluster: Cluster, repository: Repository, start: Start, outside: Recorder) -> None:
    forge(cluster, repository, outside)
    first = repository.commit("first", {"apps/one.yaml": ONE})
    agent = start()
    cluster.wait_synced(first)
    wait_for("the status", lambda: states(outside.asked, first) == ["success"] or None)
    one = outside.asked[0]
    assert (one.method, one.headers["authorization"]) == ("POST", "token t0ken")
    assert one.headers["content-type"] == "application/json"
    assert one.path == f"/api/v1/repos{str(repository.bare).removesuffix('.git')}/statuses/{first}"
    assert one.body == {"context": "gitsync/test/root", "state": "success", "description": "stable: applied"}
    broken = repository.commit("broken", {"apps/one.yaml": BROKEN})
    wait_for("the failure", lambda: states(outside.asked, broken) == ["failure"] or None)
    wait_for("the condition", lambda: cluster.condition("WriteBack")[2].endswith("commit statuses: set") or None)
    agent.stop()
    told = len(outside.asked)
    fixed = repository.commit("fixed", {"apps/one.yaml": ONE.replace('"1"', '"3"')})
    start()
    wait_for("the next", lambda: states(outside.asked, fixed) == ["success"] or None)
    assert [one.path for one in outside.asked[told:] if broken in one.path] == []


def test_a_forge_that_limits_or_refuses_never_hurts_ready(
    cluster: Cluster, repository: Repository, start: Start, outside: Recorder
) -> None:
    forge(cluster, repository, outside)
    outside.answers += [(429, {"Retry-After": "1"}), (401, {})]
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    wait_for("the second try", lambda: states(outside.asked, first) == ["success"] * 2 or None)
    wait_for("the refusal", lambda: "renew it in the Secret" in cluster.condition("WriteBack")[2] or None)
    status, reason, message = cluster.condition("WriteBack")
    assert (status, reason) == ("False", "CommitStatusRefused") and "t0ken" not in message
    assert cluster.condition("Ready")[0] == "True"
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    cluster.wait_synced(second)
    wait_for("it works again", lambda: cluster.condition("WriteBack")[0] == "True" or None)


def test_an_app_may_have_no_commit_statuses(
    cluster: Cluster, repository: Repository, start: Start, outside: Recorder
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    body = {"spec": {"writeBack": {"commitStatus": False}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "root", body))
    forge(cluster, repository, outside)
    secret(cluster, "notification", type="webhook", url=f"{outside.url}/hook", on="stable", secret="0123456789")
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    cluster.wait_synced(second)
    wait_for("the notification", lambda: [one for one in outside.asked if one.path == "/hook"] or None)
    assert [one.path for one in outside.asked] == ["/hook"]


def test_people_hear_once_of_trouble_and_of_its_end(
    cluster: Cluster, repository: Repository, start: Start, outside: Recorder
) -> None:
    secret(
        cluster,
        "notification",
        type="webhook",
        url=f"{outside.url}/hook",
        on="failed,not-ready,ready,stable",
        secret="0123456789",
    )
    first = repository.commit("first", {"apps/one.yaml": ONE})
    agent = start()
    cluster.wait_synced(first)

    def events() -> list[str]:
        return [one.body["event"] for one in outside.asked]

    wait_for("the first", lambda: events() == ["stable"] or None)
    broken = repository.commit("broken", {"apps/one.yaml": BROKEN})
    wait_for("trouble", lambda: events()[1:] == ["failed", "not-ready"] or None)
    agent.stop()
    agent = start()
    fixed = repository.commit("fixed", {"apps/one.yaml": ONE.replace('"1"', '"3"')})
    cluster.wait_synced(fixed)
    wait_for("its end", lambda: sorted(events()[3:]) == ["ready", "stable"] or None)
    failed = outside.asked[1]
    assert signatures.is_valid(failed.headers["x-signature"], failed.content, b"0123456789")
    assert (failed.body["app"], failed.body["cluster"], failed.body["revision"]) == ("root", "test", broken)
    assert "apps/one.yaml" in failed.body["message"]
