"""What stands between a commit and the cluster, with a real API server: windows, approval, selection, budgets."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner
from syncing import ONE, Cluster, Repository, Run, Start, wait_for
from webapps import annotate, config, make_app, synced, told

from gitsync.cli.main import cli
from operator_core.jsonvalues import Object
from operator_core.kube.requests import CONFIG_MAPS

ALWAYS, NEVER = "* * * * *", "0 0 29 2 *"


def window(kind: str, schedule: str, **more: Any) -> Object:
    """A project with one window for the app."""
    whole = {"kind": kind, "schedule": schedule, "duration": "1h", "applications": ["web"], **more}
    anything = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    return {"guarded": {**anything, "syncWindows": [whole]}}


def test_a_window_holds_a_commit_back_until_somebody_asks(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"web/one.yaml": ONE, "web/later.yaml": config("later", sync_wave="1"), "apps/.keep": ""}
    revision = repository.commit("first", files)  # type: ignore[arg-type]
    start(projects=window("deny", ALWAYS, manualSync=True, description="books are closed"))
    make_app(cluster, repository, policy={}, project="guarded")
    assert "books are closed" in told(cluster, "a sync window denies it until")
    assert cluster.get(CONFIG_MAPS, "one") is None
    annotate(cluster, sync_requested="now")
    synced(cluster, revision)


def test_a_closed_allow_window_says_when_it_opens(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("first", {"web/one.yaml": ONE, "apps/.keep": ""})
    hour = (datetime.now(UTC).hour + 3) % 24
    start(projects=window("allow", f"0 {hour} * * *"))
    make_app(cluster, repository, policy={}, project="guarded")
    assert f"T{hour:02d}:00Z" in told(cluster, "the next one opens at")
    assert cluster.get(CONFIG_MAPS, "one") is None


def test_a_deletion_waits_for_approval_of_exactly_that_commit(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"approval": "destructive"})
    synced(cluster, first)
    repository.commit("remove", {"web/b.yaml": None})
    message = told(cluster, "waits for approval")
    assert f"it deletes ConfigMap {cluster.namespace}/b" in message and "`gitsync approve web`" in message
    second = repository.commit("remove and change", {"web/a.yaml": config("a", "2")})
    told(cluster, second[:7])
    assert cluster.get(CONFIG_MAPS, "b") is not None
    annotate(cluster, approved=second)
    synced(cluster, second)
    wait_for("the deletion", lambda: cluster.get(CONFIG_MAPS, "b") is None)


def test_one_commit_may_not_delete_most_of_an_app(cluster: Cluster, repository: Repository, start: Start) -> None:
    names = [f"m{number}" for number in range(12)]
    first = repository.commit("many", {f"web/{name}.yaml": config(name) for name in names} | {"apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    second = repository.commit("few", {f"web/{name}.yaml": None for name in names[1:]})
    assert "this revision would delete 11 of 12 objects" in told(cluster, "more than one may")
    assert cluster.get(CONFIG_MAPS, "m5") is not None
    annotate(cluster, approved=second[:7])
    synced(cluster, second)
    wait_for("the deletion", lambda: cluster.get(CONFIG_MAPS, "m5") is None)


def test_a_selection_syncs_what_was_asked_for_and_nothing_else(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    revision = repository.commit("first", {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    annotate(cluster, sync_requested="7 only=ConfigMap/a")
    wait_for("a", lambda: cluster.get(CONFIG_MAPS, "a"))
    wait_for("the answer", lambda: cluster.app("web").status.handled_sync_request == "7 only=ConfigMap/a")
    assert cluster.get(CONFIG_MAPS, "b") is None
    app = cluster.app("web")
    assert app.status.history == () and app.status.sync is not None and app.status.sync.revision != revision


def test_what_is_not_a_selection_is_a_usage_error() -> None:
    done = CliRunner().invoke(cli, ["sync", "web", "--only", "just-a-name"])
    assert done.exit_code == 2 and "is not of the form KIND/NAME" in done.output


def test_a_dry_run_tells_and_writes_nothing(cluster: Cluster, repository: Repository, start: Start, run: Run) -> None:
    repository.commit("first", {"web/a.yaml": config("a"), "web/b.yaml": config("b"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={"automated": None})
    told(cluster, "automated sync is off")
    code, text = run("sync", "web", "--dry-run")
    assert code == 1 and f"ConfigMap {cluster.namespace}/a" in text and f"ConfigMap {cluster.namespace}/b" in text
    code, text = run("sync", "web", "--dry-run", "--only", "ConfigMap/b")
    assert code == 1 and f"{cluster.namespace}/a " not in text
    assert cluster.get(CONFIG_MAPS, "a") is None and cluster.app("web").sync_requested is None


def in_a_moment() -> str:
    """A time as annotations have it."""
    return (datetime.now(UTC) + timedelta(seconds=2)).isoformat()


def test_a_suspension_ends_by_itself_when_its_time_is_over(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, first)
    annotate(cluster, suspend=json.dumps({"reason": "a release"}))
    second = repository.commit("second", {"web/a.yaml": config("a", "2")})
    told(cluster, "suspended: a release")
    assert (cluster.get(CONFIG_MAPS, "a") or {})["data"]["a"] == "1"
    annotate(cluster, suspend=json.dumps({"reason": "a release", "until": in_a_moment()}))
    synced(cluster, second)


def test_a_pin_ends_by_itself_when_its_time_is_over(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"web/a.yaml": config("a"), "apps/.keep": ""})
    second = repository.commit("second", {"web/a.yaml": config("a", "2")})
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, second)
    annotate(cluster, pin=json.dumps({"revision": first, "reason": "worse"}))
    synced(cluster, first)
    annotate(cluster, pin=json.dumps({"revision": first, "reason": "worse", "until": in_a_moment()}))
    synced(cluster, second)
