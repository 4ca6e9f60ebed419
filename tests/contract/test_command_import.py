"""`gitsync import` against a real API server: what it writes, synced again, changes no object."""

from pathlib import Path

from operating import manifest
from syncing import Cluster, Repository, Run, Start, wait_for

from gitsync.model.syncapps import SyncApp
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS


def apply(cluster: Cluster, resource: requests.Resource, body: Object, manager: str) -> Object:
    """Make an object as somebody else."""
    return cluster.client.send(requests.apply(resource, body, field_manager=manager))


def deployment(cluster: Cluster) -> Object:
    """A job as a team wrote it, with what tools and operators added since."""
    body = manifest(cluster.namespace, args=["--topic", "a: b", "yes"], allowNonRestoredState=False)
    body["metadata"]["labels"] = {"team": "orders"}
    body["metadata"]["annotations"] = {
        "argocd.argoproj.io/tracking-id": "x",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "owner": "orders@example.org",
    }
    body["spec"]["podTemplate"] = {
        "spec": {
            "containers": [
                {
                    "name": "flink-main-container",
                    "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}],
                }
            ]
        }
    }
    body["spec"]["logConfiguration"] = {"log4j-console.properties": "rootLogger.level = INFO\nb = c\n"}
    return body


def test_what_is_imported_is_synced_without_a_change(
    cluster: Cluster, repository: Repository, start: Start, run: Run, tmp_path: Path
) -> None:
    namespace = cluster.namespace
    before = apply(cluster, FLINK_DEPLOYMENTS, deployment(cluster), "kubectl")
    session: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {"deploymentName": "s", "job": {"jarURI": "https://example.org/a.jar", "parallelism": 2}},
    }
    apply(cluster, FLINK_SESSION_JOBS, session, "argocd-controller")
    settings: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"A": "1"},
    }
    apply(cluster, CONFIG_MAPS, settings, "kubectl")
    code, text = run("import", str(tmp_path / "out"), "-n", namespace, "--with-config")
    assert code == 0, text
    assert f"needed, not written: Secret {namespace}/keys" in text
    written = {
        file.relative_to(tmp_path / "out").as_posix(): file.read_text() for file in (tmp_path / "out").rglob("*.yaml")
    }
    assert sorted(written) == [
        f"{namespace}/app-flinkdeployment.yaml",
        f"{namespace}/app-flinksessionjob.yaml",
        f"{namespace}/settings.yaml",
    ]
    main = written[f"{namespace}/app-flinkdeployment.yaml"]
    assert "team: orders" in main and "owner: orders@example.org" in main
    assert "argocd" not in main and "last-applied" not in main and "managedFields" not in main and "status" not in main
    revision = repository.commit("import", {f"apps/{path}": text for path, text in written.items()})
    start(role="sync")

    def synced() -> SyncApp | None:
        # No operator runs here, so the jobs' health stays what it is.
        found = cluster.app()
        sync = found.status.sync
        return found if sync is not None and (sync.status, sync.revision) == ("Synced", revision) else None

    app = wait_for("the sync", synced)
    assert {row.status for row in app.status.resources} == {"Synced"}
    after = cluster.get(FLINK_DEPLOYMENTS, "app") or {}
    assert after["metadata"]["generation"] == before["metadata"]["generation"] == 1
    assert after["spec"] == before["spec"]


def test_nothing_is_overwritten_unasked(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    apply(cluster, FLINK_DEPLOYMENTS, deployment(cluster), "kubectl")
    out = tmp_path / "out"
    assert run("import", str(out), "-n", cluster.namespace)[0] == 0
    file = out / cluster.namespace / "app.yaml"
    file.write_text("mine")
    code, text = run("import", str(out), "-n", cluster.namespace)
    assert code == 2 and f"other content in {cluster.namespace}/app.yaml" in text
    assert file.read_text() == "mine"
    assert run("import", str(out), "-n", cluster.namespace, "--force")[0] == 0
    assert "FlinkDeployment" in file.read_text()


def test_an_empty_namespace_has_nothing_to_import(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    code, text = run("import", str(tmp_path / "out"), "-n", cluster.namespace)
    assert code == 1 and "no Flink resources" in text
