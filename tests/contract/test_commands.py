"""Commands against a real API server, a real repository and a sync half that answers them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from syncing import Agent, Cluster, Repository, Run, following, wait_for

from gitsync.settings import Settings
from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SECRETS

ONE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  a: "1"
  db.password: hunter1
  long: |
    b
    api.token = t0psecret
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {token: s3cr3t}\n"

BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.first = made.commit("Begin", {"apps/one.yaml": ONE, "apps/key.yaml": SECRET})  # type: ignore[attr-defined]
    return made


@pytest.fixture
def settings(cluster: Cluster, repository: Repository) -> Settings:
    return following(cluster, repository, poll_seconds=3600)


@pytest.fixture
def agent(
    settings: Settings, kubeconfig: Path, tmp_path: Path, repository: Repository, cluster: Cluster
) -> Iterator[Agent]:
    running = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    cluster.wait_synced(repository.first)  # type: ignore[attr-defined]
    yield running
    running.stop()


def as_json(printed: tuple[int, str]) -> Json:
    return json.loads(printed[1])


def change(cluster: Cluster, resource: requests.Resource, name: str, body: Object) -> None:
    request = requests.merge_patch(resource, cluster.namespace, name, body, field_manager="kubectl-edit")
    cluster.client.send(request)


def test_diff_tells_values_and_who_set_them_but_no_secret(
    agent: Agent, cluster: Cluster, repository: Repository, run: Run
) -> None:
    assert run("diff")[0] == 0
    assert run("suspend", "root", "--reason", "look", "--until", "2h")[0] == 0
    broken = {"data": {"a": "broken", "db.password": "hunter2", "long": "b\nd\n"}}

    def differing() -> str | None:
        """The agent may repair what changes before it has seen the suspension."""
        change(cluster, CONFIG_MAPS, "one", broken)
        change(cluster, SECRETS, "key", {"data": {"token": "b3RoZXI="}})
        code, text = run("diff", "root")
        return text if code == 1 and "ConfigMap" in text and "Secret" in text else None

    text = wait_for("differences that stay", differing)
    assert "~ ConfigMap" in text and "(apps/one.yaml:1)" in text
    assert "data.a:  (set by kubectl-edit)\n      - broken\n      + 1\n" in text
    assert "+api.token = ***" in text
    for value in ("hunter", "t0psecret", "b3RoZXI=", "czNjcjN0", "s3cr3t"):
        assert value not in text
    told = as_json(run("diff", "-o", "json"))
    fields = {one["name"]: {f["path"]: f for f in one["fields"]} for one in told["differences"]}
    assert fields["one"]["data.a"] == {"path": "data.a", "live": "broken", "wanted": "1", "owner": "kubectl-edit"}
    assert fields["key"]["data.token"]["live"] == fields["key"]["data.token"]["wanted"] == "***"
    text = run("status")[1]
    assert "suspended until" in text and "look" in text
    assert run("resume", "root")[0] == 0
    wait_for("repair", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "1" or None)


def test_diff_tells_what_is_new_what_is_left_and_what_is_somebody_elses(
    agent: Agent, cluster: Cluster, repository: Repository, run: Run
) -> None:
    run("suspend", "root")
    wait_for("the suspension", lambda: cluster.app().suspension is not None or None)
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}, "data": {"a": "theirs", "b": "kept"}}
    cluster.client.send(requests.create(CONFIG_MAPS, cluster.namespace, live, field_manager="theirs"))
    two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\ndata: {a: ours}\n"
    repository.commit(
        "More", {"apps/two.yaml": two, "apps/three.yaml": two.replace("two", "three"), "apps/key.yaml": None}
    )
    told = as_json(run("diff", "-o", "json"))["differences"]
    assert [(one["action"], one["kind"], one["name"]) for one in told] == [
        ("create", "ConfigMap", "three"),
        ("change", "ConfigMap", "two"),
        ("keep", "Secret", "key"),
    ]
    assert {"path": "data.a", "live": "theirs", "wanted": "ours", "owner": "theirs"} in told[1]["fields"]
    assert "data.b" not in str(told[1])


def test_sync_looks_at_the_repository_now_and_waits(
    agent: Agent, cluster: Cluster, repository: Repository, run: Run
) -> None:
    second = repository.commit("Second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    code, text = run("sync", "root")
    assert (code, f"revision {second[:7]} is applied" in text) == (0, True), text
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "2"


def test_sync_of_a_broken_commit_ends_with_its_place(
    agent: Agent, cluster: Cluster, repository: Repository, run: Run
) -> None:
    repository.commit("Broken", {"apps/one.yaml": BROKEN})
    code, text = run("sync", "root")
    assert code == 1
    assert "apps/one.yaml:" in text


def test_sync_says_what_it_cannot_wait_for(cluster: Cluster, settings: Settings, run: Run) -> None:
    code, text = run("sync", "root")
    assert (code, "there is no SyncApp root" in text) == (3, True)
    from gitsync.apply import rootapps

    rootapps.ensure(cluster.client, settings)
    code, text = run("sync", "root", "--timeout", "0.5")
    assert (code, "no agent answered" in text) == (3, True), text
    assert "no agent holds a lease" in run("status")[1]
    run("suspend", "root", "--reason", "moving")
    code, text = run("sync", "root")
    assert (code, "suspended (moving)" in text) == (3, True)


def test_history_tells_of_commits_that_were_applied_and_that_failed(
    agent: Agent, cluster: Cluster, repository: Repository, run: Run
) -> None:
    broken = repository.commit("Break it", {"apps/one.yaml": BROKEN})
    assert run("sync", "root")[0] == 1
    third = repository.commit("Mend it", {"apps/one.yaml": ONE.replace('"1"', '"3"')})
    assert run("sync", "root")[0] == 0

    def told() -> Json:
        rows = as_json(run("history", "-o", "json"))["commits"]
        return rows if [row.get("phase") for row in rows] == ["stable", "failed", "stable"] else None

    rows = wait_for("the records", told)
    assert [row["revision"] for row in rows] == [third, broken, repository.first]  # type: ignore[attr-defined]
    assert [row["subject"] for row in rows] == ["Mend it", "Break it", "Begin"]
    code, text = run("history", "root")
    assert code == 0
    assert f"{broken[:7]} failed: apps/one.yaml:" in text
    code, text = run("history", "root", "--repo", str(repository.bare.parent / "gone"))
    assert code == 0 and third[:7] in text and broken[:7] not in text
    assert "only what the cluster knows" in text


def test_logs_says_which_jobs_there_are(agent: Agent, run: Run) -> None:
    code, text = run("logs", "nothing")
    assert (code, "no app has a Flink job 'nothing'" in text) == (3, True)
