"""What the agent asks of the API server when little or nothing happens, counted on a real one (design aims)."""

import time

from syncing import Agent, Cluster, Repository, Start, wait_for
from webapps import config, make_app, synced

from gitsync.web.pushes import Push
from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS

APPS = 4
QUIET = 1.0


def is_told(cluster: Cluster, app: str) -> bool | None:
    """Whether the last an app waits for is over: its records are pushed."""
    return any(one.type == "WriteBack" and one.status == "True" for one in cluster.app(app).status.conditions) or None


def settled(agent: Agent, cluster: Cluster) -> int:
    """How many requests the agent has sent once it sends no more."""
    for app in ("root", "web"):
        wait_for(f"the records of {app}", lambda app=app: is_told(cluster, app))  # type: ignore[misc]
    last = [agent.half.client.requests_sent, time.monotonic()]

    def is_quiet() -> bool:
        sent = agent.half.client.requests_sent
        if sent != last[0]:
            last[:] = [sent, time.monotonic()]
        return time.monotonic() - last[1] > QUIET

    wait_for("quiet", is_quiet)
    return int(last[0])


def test_a_refresh_of_what_has_not_changed_asks_nothing(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "apps/.keep": ""})
    agent = start(poll_seconds=3600)
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    before = settled(agent, cluster)
    agent.half.pushed(Push((f"file://{repository.bare}",), "refs/heads/main"))
    assert settled(agent, cluster) == before


def test_a_repair_is_one_write(cluster: Cluster, repository: Repository, start: Start) -> None:
    files = {f"web/{number}.yaml": config(f"m{number}") for number in range(APPS)}
    first = repository.commit("first", {**files, "apps/.keep": ""})
    agent = start(poll_seconds=3600)
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    before = settled(agent, cluster)
    for number in range(APPS):
        body = {"data": {"a": "drifted"}}
        cluster.client.send(
            requests.merge_patch(CONFIG_MAPS, cluster.namespace, f"m{number}", body, field_manager="somebody")
        )
        wait_for("the repair", lambda n=number: dig(cluster.get(CONFIG_MAPS, f"m{n}"), "data", "a") == "1" or None)  # type: ignore[misc]
    assert settled(agent, cluster) - before == APPS
