"""Waves and hooks against a real API server: what is written when, and what a failure or a restart changes."""

from typing import Any

from syncing import ONE, Cluster, Repository, Start, wait_for

from gitsync.model.syncstatuses import Status
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, Resource

JOBS = Resource("batch", "v1", "jobs", "Job")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")


def config(name: str, wave: int, value: str = "1") -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
        f'  annotations: {{argocd.argoproj.io/sync-wave: "{wave}"}}\n'
        f'data: {{a: "{value}"}}\n'
    )


def claim(name: str, wave: int) -> str:
    """A claim that is Pending until somebody says it is bound."""
    return (
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        f'metadata:\n  name: {name}\n  annotations: {{gitsync.io/sync-wave: "{wave}"}}\n'
        "spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}\n"
    )


def job(name: str, phase: str, policy: str = "", **meta: str) -> str:
    lines = [f"    argocd.argoproj.io/hook: {phase}"]
    lines += [f"    argocd.argoproj.io/hook-delete-policy: {policy}"] if policy else []
    lines += [f'    {key}: "{value}"' for key, value in meta.items()]
    named = f"generateName: {name}" if name.endswith("-") else f"name: {name}"
    return (
        f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  {named}\n  annotations:\n" + "\n".join(lines) + "\n"
        "spec:\n  suspend: true\n"
        "  template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}\n"
    )


def end(cluster: Cluster, name: str, kind: str = "Complete") -> None:
    """Say that a Job ended, as its controller would."""
    target = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    stamp = "2026-01-01T00:00:00Z"
    conditions = [
        {"type": target, "status": "True", "reason": "Test", "message": "told by a test"},
        {"type": kind, "status": "True", "reason": "Test", "message": "told by a test"},
    ]
    status: Object = {"conditions": conditions, "startTime": stamp}
    if kind == "Complete":
        status |= {"completionTime": stamp, "succeeded": 1}
    patch = requests.merge_patch(JOBS, cluster.namespace, name, {"status": status}, subresource="status")
    cluster.client.send(patch)


def bind(cluster: Cluster, name: str, phase: str = "Bound") -> None:
    """Say that a claim is bound."""
    patch = {"status": {"phase": phase}}
    cluster.client.send(requests.merge_patch(CLAIMS, cluster.namespace, name, patch, subresource="status"))


def there(cluster: Cluster, resource: Resource, name: str) -> Object:
    """An object once it is there."""
    return wait_for(name, lambda: cluster.get(resource, name))


def operation(cluster: Cluster) -> Any:
    """The operation of the root app once it has one."""
    return wait_for("the operation", lambda: cluster.app().status.operation)


def waits(cluster: Cluster, text: str) -> None:
    """Until the app says that it waits for something."""
    wait_for(f"waiting for {text}", lambda: text in cluster.condition("Ready")[2] or None)


def test_a_wave_is_written_when_the_one_before_is_settled(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    files = {"apps/a.yaml": config("first", -1), "apps/b.yaml": claim("disk", 0), "apps/c.yaml": config("last", 5)}
    revision = repository.commit("waves", files)
    start()
    there(cluster, CLAIMS, "disk")
    waits(cluster, "wave 0 waits for PersistentVolumeClaim")
    assert cluster.get(CONFIG_MAPS, "first") is not None
    assert cluster.get(CONFIG_MAPS, "last") is None
    row = next(one for one in cluster.app().status.resources if one.name == "last")
    assert row.status == "OutOfSync" and "waits for" in (row.message or "")
    bind(cluster, "disk")
    app = cluster.wait_synced(revision)
    assert cluster.get(CONFIG_MAPS, "last") is not None
    assert app.status.operation is not None and app.status.operation.phase == "Succeeded"


def test_a_newer_revision_abandons_what_the_older_waits_for(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    repository.commit("waits", {"apps/a.yaml": claim("disk", 0), "apps/b.yaml": config("last", 1, "old")})
    start()
    waits(cluster, "wave 0 waits for")
    second = repository.commit("no more waiting", {"apps/b.yaml": config("last", 0, "new")})
    live = there(cluster, CONFIG_MAPS, "last")
    assert live["data"] == {"a": "new"}
    assert live["metadata"]["annotations"]["gitsync.io/revision"] == second


def test_hooks_run_before_and_after_and_are_not_kept_in_sync(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    hooks = "---\n".join([job("before", "PreSync"), job("after-", "PostSync", "HookSucceeded")])
    revision = repository.commit("hooks", {"apps/one.yaml": ONE, "apps/hooks.yaml": hooks})
    start()
    there(cluster, JOBS, "before")
    waits(cluster, "PreSync hook Job")
    assert cluster.get(CONFIG_MAPS, "one") is None
    end(cluster, "before")
    there(cluster, CONFIG_MAPS, "one")
    name = f"after-{revision[:7]}-postsync-{operation(cluster).mark}"
    there(cluster, JOBS, name)
    assert cluster.app().status.sync is None or cluster.app().status.sync.revision != revision  # type: ignore[union-attr]
    end(cluster, name)
    app = cluster.wait_synced(revision)
    wait_for("the deletion of the hook", lambda: _is_gone(cluster, name) or None)
    assert cluster.get(JOBS, "before") is not None
    assert [entry.id for entry in app.status.inventory] == [f"/ConfigMap:{cluster.namespace}/one"]


def _is_gone(cluster: Cluster, name: str) -> bool:
    live = cluster.get(JOBS, name)
    return live is None or "deletionTimestamp" in live["metadata"]


def test_the_next_revision_runs_a_named_hook_anew(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("hooks", {"apps/one.yaml": ONE, "apps/hooks.yaml": job("before", "PreSync")})
    start()
    uid = there(cluster, JOBS, "before")["metadata"]["uid"]
    end(cluster, "before")
    cluster.wait_synced(first)
    second = repository.commit("again", {"apps/one.yaml": ONE.replace('"2"', '"3"')})

    def anew() -> Object | None:
        live = cluster.get(JOBS, "before")
        return live if live is not None and live["metadata"]["uid"] != uid else None

    wait_for("another run", anew)
    assert cluster.get(CONFIG_MAPS, "one")["data"]["b"] == "2"  # type: ignore[index]
    end(cluster, "before")
    cluster.wait_synced(second)


def test_a_failed_hook_fails_the_sync_and_runs_the_hooks_for_that(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    hooks = "---\n".join([job("check", "PreSync"), job("tell", "SyncFail")])
    revision = repository.commit("hooks", {"apps/one.yaml": ONE, "apps/hooks.yaml": hooks})
    start()
    there(cluster, JOBS, "check")
    end(cluster, "check", "Failed")
    there(cluster, JOBS, "tell")
    end(cluster, "tell")
    waits(cluster, "; tried again at ")
    assert "the hook PreSync batch/Job" in cluster.wait_not_ready("SyncFailed")
    assert cluster.get(CONFIG_MAPS, "one") is None
    # The retry makes the hook anew, and this time it succeeds.
    wait_for("the retry", lambda: operation(cluster).attempt == 1 or None)
    there(cluster, JOBS, "check")
    wait_for("a new run", lambda: "status" in _fresh(cluster, "check") or None)
    end(cluster, "check")
    cluster.wait_synced(revision)


def _fresh(cluster: Cluster, name: str) -> Object:
    """The hook's object once it belongs to the operation of now."""
    live = cluster.get(JOBS, name)
    mark = operation(cluster).mark
    return live if live is not None and live["metadata"]["annotations"].get("gitsync.io/hook-run") == mark else {}


def test_drift_is_repaired_while_nothing_waits(cluster: Cluster, repository: Repository, start: Start) -> None:
    files = {
        "apps/a.yaml": config("first", 0),
        "apps/b.yaml": config("last", 5),
        "apps/h.yaml": job("before", "PreSync"),
    }
    revision = repository.commit("waves", files)
    start()
    there(cluster, JOBS, "before")
    end(cluster, "before")
    cluster.wait_synced(revision)
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "last"))
    there(cluster, CONFIG_MAPS, "last")
    status: Status = cluster.app().status
    assert status.operation is not None and status.operation.attempt == 0


def test_a_restart_goes_on_with_the_hook_that_runs(cluster: Cluster, repository: Repository, start: Start) -> None:
    revision = repository.commit("hooks", {"apps/one.yaml": ONE, "apps/h.yaml": job("before", "PreSync")})
    agent = start()
    uid = there(cluster, JOBS, "before")["metadata"]["uid"]
    agent.stop()
    end(cluster, "before")
    start()
    cluster.wait_synced(revision)
    assert there(cluster, JOBS, "before")["metadata"]["uid"] == uid


def test_a_skipped_object_is_not_applied(cluster: Cluster, repository: Repository, start: Start) -> None:
    skipped = ONE.replace("{name: one}", "{name: two, annotations: {argocd.argoproj.io/hook: Skip}}")
    revision = repository.commit("skip", {"apps/one.yaml": ONE, "apps/two.yaml": skipped})
    start()
    cluster.wait_synced(revision)
    assert cluster.get(CONFIG_MAPS, "two") is None
