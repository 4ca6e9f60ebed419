"""A rollback holds against everything but its end, and ends by itself; a suspension too (F51)."""

import json
from datetime import UTC, datetime, timedelta

from syncing import ONE, Cluster, Repository, Run, Start, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS


def value(cluster: Cluster) -> str:
    return str(dig(cluster.get(CONFIG_MAPS, "one"), "data", "a", default=""))


def versions(repository: Repository, *numbers: int) -> list[str]:
    """A commit per number; each adds an object of its own."""
    return [
        repository.commit(
            f"version {number}",
            {
                "apps/one.yaml": ONE.replace('"1"', f'"{number}"'),
                f"apps/of-{number}.yaml": ONE.replace("name: one", f"name: of-{number}"),
            },
        )
        for number in numbers
    ]


def test_back_to_the_commit_before_until_somebody_ends_it(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    first = versions(repository, 1)[0]
    agent = start(prune=True)
    cluster.wait_synced(first)
    second = versions(repository, 2)[0]
    cluster.wait_synced(second)
    assert run("rollback", "root", "--reason", "it lost orders")[0] == 0
    cluster.wait_synced(first)
    wait_for("what the commit brought to go", lambda: cluster.get(CONFIG_MAPS, "of-2") is None)
    assert value(cluster) == "1"
    code, text = run("status", "root")
    assert code == 0 and "it lost orders" in text, text
    # Neither drift nor a newer commit nor a restart of the agent ends it.
    body: Object = {"data": {"a": "theirs"}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "one", body, field_manager="somebody"))
    wait_for("the repair", lambda: value(cluster) == "1" or None)
    third = versions(repository, 3)[0]
    agent.stop()
    start(prune=True)
    cluster.wait_synced(first)
    assert cluster.get(CONFIG_MAPS, "of-3") is None
    assert run("rollback", "root", "--end")[0] == 0
    cluster.wait_synced(third)
    assert value(cluster) == "3"
    revisions = [entry.revision for entry in cluster.app().status.history]
    assert revisions == [first, second, first, third]


def shorten(cluster: Cluster, annotation: str) -> None:
    """Have what holds an app now end soon."""
    live = cluster.client.send(requests.get(requests.SYNC_APPS, cluster.namespace, "root"))
    told = json.loads(live["metadata"]["annotations"][annotation])
    until = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    body: Object = {"metadata": {"annotations": {annotation: json.dumps({**told, "until": until})}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "root", body))


def test_a_rollback_ends_when_its_time_is_over(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    first, second = versions(repository, 1, 2)
    start(prune=True, poll_seconds=3600)
    cluster.wait_synced(second)
    assert run("rollback", "root", "--to", first, "--until", "8h")[0] == 0
    cluster.wait_synced(first)
    assert "rolled back until" in cluster.condition("Ready")[2]
    shorten(cluster, "gitsync.io/pin")
    cluster.wait_synced(second)
    assert value(cluster) == "2" and "rolled back" not in cluster.condition("Ready")[2]


def test_a_suspension_ends_when_its_time_is_over(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    first = versions(repository, 1)[0]
    start(prune=True, poll_seconds=3600)
    cluster.wait_synced(first)
    assert run("suspend", "root", "--reason", "moving", "--until", "8h")[0] == 0

    def drifts() -> bool | None:
        """The agent may repair what changes before it has seen the suspension."""
        body: Object = {"data": {"a": "theirs"}}
        cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "one", body, field_manager="somebody"))
        return "moving" in cluster.condition("Ready")[2] or None

    wait_for("a difference that stays", drifts)
    shorten(cluster, "gitsync.io/suspend")
    wait_for("the repair", lambda: value(cluster) == "1" or None)
    cluster.wait_synced(first)
    assert "moving" not in cluster.condition("Ready")[2]
