"""The order of a sync on a real API server (F45): kinds, Flink resources that need each other, prunes, Sync hooks.

The operator is the test: it says which cluster is ready.
"""

import json

import flinkstatuses
from operating import manifest
from syncing import DEPLOYMENT, ONE, SECRET, SERVICE, Cluster, Repository, Start, wait_for
from webapps import config, make_app, row, synced, told

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    FLINK_DEPLOYMENTS,
    FLINK_SESSION_JOBS,
    FLINK_STATE_SNAPSHOTS,
    SECRETS,
    SERVICES,
    Resource,
)

JOBS = Resource("batch", "v1", "jobs", "Job")
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
HELD = "example.org/held"


def flink(cluster: Cluster, kind: str, name: str, spec: Object) -> str:
    meta = {"name": name, "namespace": cluster.namespace}
    return json.dumps({"apiVersion": "flink.apache.org/v1beta1", "kind": kind, "metadata": meta, "spec": spec})


def session(cluster: Cluster, image: str = "flink:1.20") -> str:
    spec = manifest(cluster.namespace)["spec"]
    return flink(
        cluster, "FlinkDeployment", "shared", {**{k: v for k, v in spec.items() if k != "job"}, "image": image}
    )


def session_job(cluster: Cluster, parallelism: int = 1) -> str:
    job = {"jarURI": "https://example.org/a.jar", "parallelism": parallelism, "upgradeMode": "stateless"}
    return flink(cluster, "FlinkSessionJob", "a-job", {"deploymentName": "shared", "job": job})


def generation(cluster: Cluster, of: Resource, name: str) -> int:
    return int(dig(cluster.get(of, name), "metadata", "generation", default=0))


def test_what_others_refer_to_is_there_first_whatever_the_files_are_called(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: me}\n"
    files = {"web/a.yaml": DEPLOYMENT, "web/b.yaml": SERVICE, "web/c.yaml": ONE, "web/d.yaml": SECRET}
    files |= {"web/e.yaml": account, "apps/.keep": ""}
    revision = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, revision)
    kinds = ((ACCOUNTS, "me"), (SECRETS, "key"), (CONFIG_MAPS, "one"), (SERVICES, "web"), (DEPLOYMENTS, "web"))
    written = [int((cluster.get(of, name) or {})["metadata"]["resourceVersion"]) for of, name in kinds]
    assert written == sorted(written)


def test_a_session_job_and_its_cluster_are_never_changed_in_one_step(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    """Neither at first nor later, and the snapshot of the job comes after both; no wave says so."""
    reference = {"kind": "FlinkSessionJob", "name": "a-job"}
    snapshot = flink(cluster, "FlinkStateSnapshot", "a-first", {"jobReference": reference, "savepoint": {}})
    files = {"web/1.json": snapshot, "web/2.json": session_job(cluster), "web/3.json": session(cluster)}
    first = repository.commit("first", {**files, "apps/.keep": ""})
    start(role="sync")
    make_app(cluster, repository, policy={})
    told(cluster, f"{cluster.namespace}/a-job waits for its session cluster shared to be ready")
    assert row(cluster.app("web"), "a-first").status == "OutOfSync"
    flinkstatuses.say(cluster, "shared", {**flinkstatuses.UPGRADES, "lifecycleState": "DEPLOYED"})
    told(cluster, "shared to be ready")
    assert not cluster.get(FLINK_SESSION_JOBS, "a-job")
    flinkstatuses.say(cluster, "shared", flinkstatuses.RUNS)
    wait_for("the job", lambda: cluster.get(FLINK_SESSION_JOBS, "a-job"))
    told(cluster, f"{cluster.namespace}/a-first waits for its job a-job to be ready")
    assert not cluster.get(FLINK_STATE_SNAPSHOTS, "a-first")
    flinkstatuses.say(cluster, "a-job", flinkstatuses.RUNS, of=FLINK_SESSION_JOBS)
    wait_for("the snapshot", lambda: cluster.get(FLINK_STATE_SNAPSHOTS, "a-first"))
    flinkstatuses.write(cluster, "a-first", {"state": "COMPLETED"}, of=FLINK_STATE_SNAPSHOTS)
    synced(cluster, first)

    both = {"web/2.json": session_job(cluster, 2), "web/3.json": session(cluster, "flink:new")}
    second = repository.commit("both", both)  # type: ignore[arg-type]
    wait_for("the cluster's change", lambda: generation(cluster, FLINK_DEPLOYMENTS, "shared") == 2 or None)
    told(cluster, "shared to be ready")
    assert generation(cluster, FLINK_SESSION_JOBS, "a-job") == 1
    flinkstatuses.say(cluster, "shared", flinkstatuses.RUNS)
    wait_for("the job's change", lambda: generation(cluster, FLINK_SESSION_JOBS, "a-job") == 2 or None)
    flinkstatuses.say(cluster, "a-job", flinkstatuses.RUNS, of=FLINK_SESSION_JOBS)
    synced(cluster, second)


def release(cluster: Cluster, of: Resource, name: str) -> None:
    """Let a deleted object go."""
    body = {"metadata": {"finalizers": None}}
    cluster.client.send(requests.merge_patch(of, cluster.namespace, name, body))


def going(cluster: Cluster, of: Resource, name: str) -> bool | None:
    return dig(cluster.get(of, name), "metadata", "deletionTimestamp") is not None or None


def hold(cluster: Cluster, of: Resource, name: str) -> None:
    """Have the deletion of an object wait, as for something that has to end first."""
    body = {"metadata": {"finalizers": [HELD]}}
    cluster.client.send(requests.merge_patch(of, cluster.namespace, name, body, field_manager="somebody"))


def test_what_goes_goes_the_other_way_round(cluster: Cluster, repository: Repository, start: Start) -> None:
    """The highest wave first, the next when that is gone; a session job before its cluster."""
    files = {"web/keep.yaml": config("keep"), "web/low.yaml": config("low", sync_wave="-3")}
    files |= {"web/job.json": session_job(cluster), "web/cluster.json": session(cluster)}
    files |= {"web/high.yaml": config("high", sync_wave="7"), "apps/.keep": ""}
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start(role="sync")
    make_app(cluster, repository, policy={})
    for name, of in (("shared", FLINK_DEPLOYMENTS), ("a-job", FLINK_SESSION_JOBS)):
        wait_for(name, lambda of=of, name=name: cluster.get(of, name))  # type: ignore[misc]
        flinkstatuses.say(cluster, name, flinkstatuses.RUNS, of=of)
    synced(cluster, first)
    order = ((CONFIG_MAPS, "high"), (FLINK_SESSION_JOBS, "a-job"), (FLINK_DEPLOYMENTS, "shared"), (CONFIG_MAPS, "low"))
    for of, name in order:
        hold(cluster, of, name)
    second = repository.commit("less", {name: None for name in files if name not in ("web/keep.yaml", "apps/.keep")})
    for number, (of, name) in enumerate(order):
        wait_for(f"the deletion of {name}", lambda of=of, name=name: going(cluster, of, name))  # type: ignore[misc]
        told(cluster, f"{cluster.namespace}/{name} is being deleted; waits for the finalizer {HELD}")
        assert [other for kind, other in order[number + 1 :] if going(cluster, kind, other)] == []
        release(cluster, of, name)
    synced(cluster, second)


def hook(name: str, **annotations: str) -> str:
    given = "".join(f'\n    argocd.argoproj.io/{key.replace("_", "-")}: "{text}"' for key, text in annotations.items())
    return (
        f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:{given}\n"
        "spec:\n  suspend: true\n"
        "  template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}\n"
    )


def test_a_sync_hook_runs_in_its_wave_and_goes_as_its_policy_says(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    """A hook that succeeded is kept, the same one that failed is deleted: HookFailed."""
    files = {
        "web/a.yaml": config("before", sync_wave="-1"),
        "web/hook.yaml": hook("between", hook="Sync", hook_delete_policy="HookFailed"),
        "web/z.yaml": config("after", sync_wave="1"),
        "apps/.keep": "",
    }
    first = repository.commit("first", files)  # type: ignore[arg-type]
    start()
    make_app(cluster, repository, policy={"retry": {"limit": 0}})
    made = wait_for("the hook", lambda: cluster.get(JOBS, "between"))
    assert cluster.get(CONFIG_MAPS, "before") and not cluster.get(CONFIG_MAPS, "after")
    end(cluster, "Complete")
    synced(cluster, first)
    assert cluster.get(CONFIG_MAPS, "after")
    assert dig(cluster.get(JOBS, "between"), "metadata", "uid") == made["metadata"]["uid"]

    repository.commit("again", {"web/z.yaml": config("after", "2", sync_wave="1")})
    wait_for("another run", lambda: _uid(cluster) not in (None, made["metadata"]["uid"]) or None)
    end(cluster, "Failed")
    told(cluster, "the hook Sync batch/Job")
    wait_for("the end of the hook", lambda: cluster.get(JOBS, "between") is None)
    assert dig(cluster.get(CONFIG_MAPS, "after"), "data", "a") == "1"


def _uid(cluster: Cluster) -> str | None:
    found = dig(cluster.get(JOBS, "between"), "metadata", "uid")
    return str(found) if found else None


def end(cluster: Cluster, kind: str) -> None:
    """Say that the hook's Job ended, as its controller would."""
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    told = {"status": "True", "reason": "Test", "message": "told by a test"}
    stamp = "2026-01-01T00:00:00Z"
    status: Object = {"conditions": [{"type": first, **told}, {"type": kind, **told}], "startTime": stamp}
    if kind == "Complete":
        status |= {"completionTime": stamp, "succeeded": 1}
    patch = requests.merge_patch(JOBS, cluster.namespace, "between", {"status": status}, subresource="status")
    cluster.client.send(patch)
