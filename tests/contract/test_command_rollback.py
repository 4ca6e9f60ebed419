"""Going back and rebuilding with state, as far as the sync half does it: requests in what is applied."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from operating import manifest
from syncing import ONE, Cluster, Repository, Run, Start, wait_for

from gitsync.cli import main
from gitsync.git import mirrors, pushes
from gitsync.model.records import JobRecord, Phase, Record
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS

SP1, SP2 = "s3://state/sp/1", "s3://state/sp/2"


def job(namespace: str, **changes: object) -> str:
    import yaml

    return yaml.safe_dump(manifest(namespace, **changes))


def told(repository: Repository, directory: Path, app: str, namespace: str, revisions: list[str]) -> None:
    """The records of commits that each upgraded the job with a savepoint of the one before."""
    mirror = mirrors.Mirrors(directory).get(str(repository.bare))
    mirror.resolve("main")
    records: list[Record] = []
    paths = ["", SP1, SP2]
    for number, revision in enumerate(revisions):
        done = JobRecord("FlinkDeployment", namespace, "app", "upgrade-savepoint", "j", paths[number], paths[number])
        time = datetime(2026, 1, 1, 9, number, tzinfo=UTC)
        records.append(Record("test", app, revision, Phase.STABLE, "Stable", "", time, (done,)))
    assert pushes.write(mirror, "test", records, branch=True)


def request_of(cluster: Cluster) -> str:
    """The request that the live job carries."""
    live = cluster.get(FLINK_DEPLOYMENTS, "app") or {}
    return str(dig(live, "metadata", "annotations", "gitsync.io/restore-from", default=""))


def parallelism(cluster: Cluster) -> int:
    """What the live job is to run with."""
    return int(dig(cluster.get(FLINK_DEPLOYMENTS, "app") or {}, "spec", "job", "parallelism", default=0))


def test_a_rollback_pins_the_commit_and_names_the_state_it_had(
    cluster: Cluster, repository: Repository, start: Start, run: Run, tmp_path: Path
) -> None:
    namespace = cluster.namespace
    shas = [
        repository.commit(f"parallelism {number}", {"apps/job.yaml": job(namespace, parallelism=number)})
        for number in (1, 2, 3)
    ]
    start(role="sync", cluster=None)
    wait_for("the job", lambda: parallelism(cluster) == 3)
    told(repository, tmp_path / "m", "root", namespace, shas)
    code, text = run("rollback", "root", "--to", shas[1][:10], "--with-state", "--reason", "it lost orders")
    assert code == 0, text
    assert f"FlinkDeployment/{namespace}/app starts from {SP2}" in text
    wait_for("the older spec", lambda: parallelism(cluster) == 2)
    assert request_of(cluster).split(" ")[1] == SP2
    assert "it lost orders" in str(cluster.app().pin)
    code, text = run("rollback", "root", "--end")
    assert code == 0
    wait_for("the newest spec", lambda: parallelism(cluster) == 3)
    wait_for("the request taken back", lambda: request_of(cluster) == "" or None)


def test_a_state_nobody_recorded_is_refused_by_name(
    cluster: Cluster, repository: Repository, start: Start, run: Run, tmp_path: Path
) -> None:
    namespace = cluster.namespace
    shas = [
        repository.commit(f"p {number}", {"apps/job.yaml": job(namespace, parallelism=number)}) for number in (1, 2)
    ]
    start(role="sync", cluster=None)
    wait_for("the job", lambda: parallelism(cluster) == 2)
    told(repository, tmp_path / "m", "root", namespace, shas)
    code, text = run("rollback", "root", "--to", shas[1], "--with-state")
    assert code == 3 and f"no snapshot of FlinkDeployment {namespace}/app at {shas[1][:7]}" in text
    assert cluster.app().pin is None
    code, text = run("rollback", "root")
    assert code == 3 and "has no earlier commit in its history" in text


def test_an_empty_cluster_starts_its_jobs_with_what_the_ledger_has(
    cluster: Cluster, repository: Repository, start: Start, run: Run, tmp_path: Path
) -> None:
    namespace = cluster.namespace
    shas = [
        repository.commit(f"p {number}", {"apps/job.yaml": job(namespace, parallelism=number), "apps/one.yaml": ONE})
        for number in (1, 2, 3)
    ]
    told(repository, tmp_path / "m", "root", namespace, shas)
    code, text = run("restore", "--repo", str(repository.bare), "--dry-run", "-o", "json")
    assert code == 0 and SP2 in text
    assert cluster.get(CONFIG_MAPS, "gitsync-restore-test") is None
    assert run("restore", "--repo", str(repository.bare))[0] == 0
    start(role="sync", cluster=None)
    wait_for("the job", lambda: parallelism(cluster) == 3)
    assert request_of(cluster).split(" ")[1] == SP2
    second = repository.commit("p 4", {"apps/job.yaml": job(namespace, parallelism=4)})
    wait_for("the change", lambda: parallelism(cluster) == 4)
    assert second and request_of(cluster).split(" ")[1] == SP2


def test_a_job_that_runs_is_left_alone_by_a_restore(
    cluster: Cluster, repository: Repository, start: Start, run: Run, tmp_path: Path
) -> None:
    namespace = cluster.namespace
    shas = [
        repository.commit(f"p {number}", {"apps/job.yaml": job(namespace, parallelism=number)}) for number in (1, 2)
    ]
    start(role="sync", cluster=None)
    wait_for("the job", lambda: parallelism(cluster) == 2)
    told(repository, tmp_path / "m", "root", namespace, shas)
    assert run("restore", "--repo", str(repository.bare))[0] == 0
    repository.commit("p 5", {"apps/job.yaml": job(namespace, parallelism=5)})
    wait_for("the change", lambda: parallelism(cluster) == 5)
    assert request_of(cluster) == ""


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ('{"revision": "main", "restore": {"a": 1}}', '"restore" of the annotation gitsync.io/pin must be a map'),
        ('{"revision": "main", "restore": {"a": "b"}}', 'needs an "id" without spaces'),
    ],
    ids=["map", "id"],
)
def test_a_broken_pin_is_named(
    cluster: Cluster, repository: Repository, start: Start, annotation: str, problem: str
) -> None:
    first = repository.commit("one", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    body: Object = {"metadata": {"annotations": {"gitsync.io/pin": annotation}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "root", body))
    live = wait_for(
        "the condition",
        lambda: next(
            (
                one["message"]
                for one in dig(
                    cluster.client.send(requests.get(requests.SYNC_APPS, cluster.namespace, "root")),
                    "status",
                    "conditions",
                )
                if problem in one["message"]
            ),
            None,
        ),
    )
    assert live


def test_an_unknown_cluster_has_nothing_to_restore(repository: Repository, run: Run) -> None:
    repository.commit("one", {"apps/one.yaml": ONE})
    code, text = run("restore", "--repo", str(repository.bare))
    assert code == 3 and "has no records of any cluster" in text
    assert main.run(("restore",)) == 2
