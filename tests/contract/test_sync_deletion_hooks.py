"""PreDelete and PostDelete hooks of an app that is deleted with its objects, against a real API server."""

import shutil
from pathlib import Path

from syncing import ONE, Agent, Cluster, Repository, Start, wait_for
from test_sync_waves import JOBS, end, job, there

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS


def files(*more: tuple[str, str]) -> dict[str, str | None]:
    return {"apps/.keep": "", "web/one.yaml": ONE, **{f"web/{name}.yaml": text for name, text in more}}


def make_app(cluster: Cluster, repository: Repository) -> None:
    """An app `web` whose objects go with it."""
    body: Object = {
        "apiVersion": "gitsync.io/v1alpha1",
        "kind": "SyncApp",
        "metadata": {"name": "web", "namespace": cluster.namespace, "finalizers": ["gitsync.io/cascade"]},
        "spec": {
            "source": {"repoURL": str(repository.bare), "targetRevision": "main", "path": "web"},
            "destination": {"namespace": cluster.namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}},
            },
        },
    }
    cluster.client.send(requests.create(SYNC_APPS, cluster.namespace, body))


def synced(cluster: Cluster, revision: str) -> None:
    def probe() -> bool | None:
        app = cluster.app("web")
        ready = any(one.type == "Ready" and one.status == "True" for one in app.status.conditions)
        return (ready and app.status.sync is not None and app.status.sync.revision == revision) or None

    wait_for("the app in sync", probe)


def delete_app(cluster: Cluster) -> None:
    cluster.client.send(requests.delete(SYNC_APPS, cluster.namespace, "web"))


def told(cluster: Cluster, text: str) -> str:
    def probe() -> str | None:
        found = [one.message for one in cluster.app("web").status.conditions if one.type == "Ready"]
        return found[0] if found and text in found[0] else None

    return wait_for(f"the message {text!r}", probe)


def gone(cluster: Cluster) -> None:
    wait_for("the end of the app", lambda: cluster.get(SYNC_APPS, "web") is None)


def started(cluster: Cluster, repository: Repository, start: Start, *more: tuple[str, str]) -> Agent:
    revision = repository.commit("app", files(*more))
    agent = start()
    make_app(cluster, repository)
    synced(cluster, revision)
    return agent


def test_objects_go_between_the_hooks(cluster: Cluster, repository: Repository, start: Start) -> None:
    before, after = job("before", "PreDelete", "HookSucceeded"), job("after-", "PostDelete")
    started(cluster, repository, start, ("before", before), ("after", after))
    app = cluster.app("web")
    assert cluster.get(JOBS, "before") is None, "a sync leaves them alone"
    assert [one.split(" ")[0] for one in app.status.delete_hooks] == ["PostDelete", "PreDelete"]
    assert not any("never runs" in one.message for one in app.status.conditions)
    delete_app(cluster)
    there(cluster, JOBS, "before")
    told(cluster, "waits for the PreDelete hook")
    assert cluster.get(CONFIG_MAPS, "one") is not None, "nothing goes before"
    end(cluster, "before")
    wait_for("the end of the object", lambda: cluster.get(CONFIG_MAPS, "one") is None)
    wait_for("its policy", lambda: cluster.get(JOBS, "before") is None)
    late = wait_for("the hook after it", lambda: _job_like(cluster, "after-"))
    assert "-postdelete-" in late
    told(cluster, "waits for the PostDelete hook")
    end(cluster, late)
    gone(cluster)
    assert cluster.get(JOBS, late) is not None, "no policy lets it go"


def _job_like(cluster: Cluster, prefix: str) -> str | None:
    items = cluster.client.send(requests.listing(JOBS, cluster.namespace))["items"]
    return next((one["metadata"]["name"] for one in items if one["metadata"]["name"].startswith(prefix)), None)


def test_a_failed_hook_is_made_anew_and_deletes_nothing_meanwhile(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    started(cluster, repository, start, ("before", job("before", "PreDelete")))
    delete_app(cluster)
    first = there(cluster, JOBS, "before")["metadata"]["uid"]
    end(cluster, "before", "Failed")
    message = told(cluster, "the hook PreDelete batch/Job")
    assert "it is made anew at" in message and "DeleteHooks=false" in message
    assert cluster.get(CONFIG_MAPS, "one") is not None

    def anew() -> bool:
        live = cluster.get(JOBS, "before")
        return live is not None and live["metadata"]["uid"] != first and "deletionTimestamp" not in live["metadata"]

    wait_for("the next try", lambda: anew() or None, seconds=60)
    end(cluster, "before")
    gone(cluster)
    assert cluster.get(CONFIG_MAPS, "one") is None


def test_a_restart_goes_on_with_the_hook_of_a_deletion(cluster: Cluster, repository: Repository, start: Start) -> None:
    agent = started(cluster, repository, start, ("before", job("before", "PreDelete")))
    delete_app(cluster)
    uid = there(cluster, JOBS, "before")["metadata"]["uid"]
    told(cluster, "waits for the PreDelete hook")
    agent.stop()
    start()
    end(cluster, "before")
    gone(cluster)
    assert there(cluster, JOBS, "before")["metadata"]["uid"] == uid, "the same run"


def test_hooks_that_cannot_be_read_hold_the_deletion_back_until_somebody_goes_on_without(
    cluster: Cluster, repository: Repository, start: Start, tmp_path: Path
) -> None:
    agent = started(cluster, repository, start, ("before", job("before", "PreDelete")))
    agent.stop()
    repository.bare.rename(repository.bare.with_name("away.git"))
    # The next agent runs on another machine: nothing of the repository is there.
    shutil.rmtree(tmp_path / "agent")
    start(poll_seconds=0.5)
    delete_app(cluster)
    wait_for("the word of it", lambda: _asks_for_it(cluster), seconds=60)
    assert cluster.get(CONFIG_MAPS, "one") is not None
    patch = {"spec": {"syncPolicy": {"syncOptions": ["DeleteHooks=false"]}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "web", patch))
    # What the root app of the same repository wants has to be known before anything is deleted.
    repository.bare.with_name("away.git").rename(repository.bare)
    gone(cluster)
    assert cluster.get(CONFIG_MAPS, "one") is None and cluster.get(JOBS, "before") is None


def _asks_for_it(cluster: Cluster) -> bool | None:
    return any("DeleteHooks=false" in one.message for one in cluster.app("web").status.conditions) or None
