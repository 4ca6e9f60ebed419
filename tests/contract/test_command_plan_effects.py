"""`gitsync plan` says what happens to every job, offline and against a cluster, and that then happens (F52)."""

import copy
import json
from typing import Any

import yaml
from operating import manifest
from syncing import Cluster, Repository, Run, Start, wait_for

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import FLINK_DEPLOYMENTS
from operator_core.model import lastspecs

HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha"}
REACTIVE = {"scheduler-mode": "reactive"}
MORE: Object = {"job": {"parallelism": 4}}
CASES: dict[str, tuple[Object, Object | None, str]] = {
    "labelled": ({}, {}, "none"),
    "scaled": ({"mode": "standalone", "flinkConfiguration": REACTIVE}, MORE, "scale-in-place"),
    "saved": ({}, MORE, "upgrade-savepoint"),
    "lasting": ({"flinkConfiguration": HA, "job": {"upgradeMode": "last-state"}}, MORE, "upgrade-last-state"),
    "lossy": ({}, {"job": {"upgradeMode": "stateless", "args": ["--s3cr3t"]}}, "state-loss"),
    "stateless": ({"job": {"upgradeMode": "stateless"}}, MORE, "restart-stateless"),
    "suspended": ({}, {"job": {"state": "suspended"}}, "suspend"),
    "gone": ({}, None, "delete"),
}
REJECTED: Object = {"job": {"parallelism": -1}}


def merged(one: Any, other: Any) -> Any:
    """A deep merge, as an overlay would."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return copy.deepcopy(other)
    return {**one, **{key: merged(one.get(key), value) for key, value in other.items()}}


def job(name: str, namespace: str, *changes: Object, labels: Object | None = None) -> str:
    body = manifest(namespace)
    body["metadata"] = {"name": name, **({"labels": labels} if labels else {})}
    for change in changes:
        body["spec"] = merged(body["spec"], change)
    return yaml.safe_dump(body)


def before(namespace: str) -> dict[str, str | None]:
    return {f"apps/{name}.yaml": job(name, namespace, case[0]) for name, case in CASES.items()}


def after(namespace: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, (base, change, _) in CASES.items():
        labels = {"team": "orders"} if name == "labelled" else None
        found[f"apps/{name}.yaml"] = None if change is None else job(name, namespace, base, change, labels=labels)
    return found


def told(run: Run, *arguments: str) -> dict[str, Object]:
    """The rows of a plan by name; that something would change is its exit code."""
    code, text = run("plan", *arguments, "-o", "json")
    assert code == 1, text
    return {row["name"]: row for row in json.loads(text)["changes"]}


def test_offline_for_a_pull_request(repository: Repository, run: Run) -> None:
    repository.commit("before", before("jobs"))
    files = {**after("jobs"), "apps/saved.yaml": job("saved", "jobs", MORE), "apps/new.yaml": job("new", "jobs")}
    repository.commit("after", files)
    where = ("--repo", str(repository.bare), "--path", "apps", "--destination-namespace", "jobs", "main^", "main")
    rows = told(run, *where)
    assert {name: row["effect"] for name, row in rows.items()} == {
        **{name: case[2] for name, case in CASES.items()},
        "new": "create",
    }
    assert "savepoint" in rows["gone"]["reason"], "it is pruned with its state"
    code, text = run("plan", *where, "-o", "markdown")
    assert code == 1 and "| FlinkDeployment jobs/lossy | **state-loss** |" in text
    assert "s3cr3t" not in text and "spec.job.args" in text
    repository.commit("wrong", {"apps/saved.yaml": job("saved", "jobs", REJECTED)})
    wrong = told(run, *where)
    assert wrong["saved"]["effect"] == "rejected" and "parallelism" in wrong["saved"]["reason"]
    assert run("plan", *where[:-2], "main", "main")[0] == 0


def runs(cluster: Cluster, name: str) -> None:
    """The job as an operator that has deployed it tells it."""
    live = cluster.get(FLINK_DEPLOYMENTS, name) or {}
    record = lastspecs.encode(live["spec"], first_deployment=False)
    state = {"state": "DEPLOYED", "lastReconciledSpec": record, "lastStableSpec": record}
    status: Object = {
        "observedGeneration": live["metadata"]["generation"],
        "lifecycleState": "STABLE",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING", "startTime": "1767225600000"},
        "reconciliationStatus": state,
    }
    cluster.client.send(
        requests.merge_patch(FLINK_DEPLOYMENTS, cluster.namespace, name, {"status": status}, subresource="status")
    )


def test_against_the_cluster_and_then_done_so(cluster: Cluster, repository: Repository, start: Start, run: Run) -> None:
    namespace = cluster.namespace
    first = repository.commit("before", before(namespace))
    start(prune=True, poll_seconds=3600)
    wait_for("the jobs", lambda: all(cluster.get(FLINK_DEPLOYMENTS, name) for name in CASES) or None)
    for name in CASES:
        runs(cluster, name)
    cluster.wait_synced(first)
    second = repository.commit("after", after(namespace))
    rows = told(run, "--live", "--repo", str(repository.bare), "main")
    expected = {name: case[2] for name, case in CASES.items()}
    assert {name: row["effect"] for name, row in rows.items()} == expected
    assert "savepoint" in rows["gone"]["reason"]
    assert cluster.app().status.attempted_revision == first, "a plan changes nothing"
    assert run("sync", "root", "--no-wait")[0] == 0
    wait_for("the sync", lambda: cluster.app().status.attempted_revision == second or None)
    wait_for("the end of the job", lambda: cluster.get(FLINK_DEPLOYMENTS, "gone") is None)

    def done() -> dict[str, str | None] | None:
        found = {one.name: one.effect for one in cluster.app().status.resources if one.kind == "FlinkDeployment"}
        return found if found.get("saved") == "upgrade-savepoint" and "gone" not in found else None

    assert wait_for("the effects", done) == {name: effect for name, effect in expected.items() if name != "gone"}
