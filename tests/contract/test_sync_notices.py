"""What people hear of an app without asking: messages in Slack's form, and events in the cluster (F59)."""

from collections.abc import Iterator

import pytest
from httprecorder import Recorder, recording
from syncing import ONE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import EVENTS, SECRETS

BROKEN = ONE.replace("data: {", "data: [{")


@pytest.fixture
def chat() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


def listener(cluster: Cluster, name: str, **fields: str) -> None:
    body: Object = {
        "metadata": {"name": name, "labels": {"gitsync.io/secret-type": "notification"}},
        "stringData": {"type": "slack", **fields},
    }
    cluster.client.send(requests.create(SECRETS, cluster.namespace, body))


def events(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Type, reason and message of every event about the app."""
    found = cluster.client.send(requests.listing(EVENTS, cluster.namespace))["items"]
    about = [one for one in found if one["involvedObject"]["kind"] == "SyncApp"]
    return [(one["type"], one["reason"], one["message"]) for one in about]


def test_slack_hears_of_a_broken_commit_and_of_its_end_where_it_wants_to(
    cluster: Cluster, repository: Repository, start: Start, chat: Recorder
) -> None:
    listener(cluster, "everything", url=f"{chat.url}/services/all", template="{{ .app }} is {{ .event }}")
    listener(cluster, "bot", token="xoxb-1", channel="#ops", api=f"{chat.url}/api", on="failed")
    listener(cluster, "others", url=f"{chat.url}/services/others", apps="fraud-*")
    listener(cluster, "unusable", url="ftp://nowhere")
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    broken = repository.commit("broken <main>", {"apps/one.yaml": BROKEN})

    def told(path: str) -> list[str]:
        return [one.body["text"] for one in chat.asked if one.path == path]

    wait_for("the failure", lambda: "root is failed" in told("/services/all") or None)
    words = wait_for("the bot's", lambda: told("/api/chat.postMessage") or None)
    assert len(words) == 1 and words[0].startswith(f"❌ test/root: failed at {broken[:7]}: apps/one.yaml:")
    one = next(asked for asked in chat.asked if asked.path == "/api/chat.postMessage")
    assert one.headers["authorization"] == "Bearer xoxb-1" and one.body["channel"] == "#ops"
    fixed = repository.commit("fixed", {"apps/one.yaml": ONE.replace('"1"', '"3"')})
    cluster.wait_synced(fixed)
    wait_for("the end", lambda: "root is ready" in told("/services/all") or None)
    assert sorted(told("/services/all")) == ["root is failed", "root is not-ready", "root is ready"]
    assert told("/services/others") == []
    assert cluster.condition("Ready")[0] == "True", "a Secret that cannot be used holds nothing up"


def test_trouble_is_an_event_of_the_app_once(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    assert events(cluster) == []
    repository.commit("broken", {"apps/one.yaml": BROKEN})
    kind, reason, message = wait_for("the event", lambda: events(cluster) or None)[0]
    assert (kind, reason) == ("Warning", "RenderFailed") and message.startswith("apps/one.yaml:")
    fixed = repository.commit("fixed", {"apps/one.yaml": ONE.replace('"1"', '"3"')})
    cluster.wait_synced(fixed)
    assert len(events(cluster)) == 1
