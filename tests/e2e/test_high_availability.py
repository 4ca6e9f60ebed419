"""Kubernetes HA: a JobManager may die, last-state upgrades keep job id and state, lost metadata has a way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import highlyavailable
import kills
import pytest
import savedstates
import yaml
from teams import Team

from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

JOBS = {"newest": "v2_3", "older": "v1_20"}
WAYS_OUT = ("gitsync.io/restore-from", "gitsync.io/accept-state-loss")


@pytest.fixture(scope="module")
def both(team: Team) -> Iterator[Team]:
    """One running job of each version and an agent; every test below goes on with them."""
    files = {f"apps/{job}.yaml": team.job_file(job, highlyavailable.change, version) for job, version in JOBS.items()}
    team.repository.commit("Run both", {"apps/access.yaml": team.access_file(), **files})
    with team.agent():
        for job in JOBS:
            team.running(job)
        yield team


def test_job_manager_killed_or_deleted_recovers_the_same_job(both: Team) -> None:
    before = {job: savedstates.saved(both, job) for job in JOBS}
    pods = {job: job_manager_pod(both, job) for job in JOBS}
    assert kills.job_manager(both, "newest")
    both.client.send(requests.delete(requests.PODS, both.jobs, name_of(pods["older"]), grace_seconds=0))
    for job in JOBS:
        again = savedstates.next_run(both, before[job], job)
        assert again.id == before[job].run.id
        assert_restored_from_checkpoint(both, job, again)
        both.until(lambda job=job: status(both, job, "lifecycleState") == "STABLE", f"{job} STABLE", 60)
        assert status(both, job, "jobStatus", "jobId") == again.id
        assert job_manager_pod(both, job)["metadata"]["ownerReferences"] == pods[job]["metadata"]["ownerReferences"]
    assert name_of(job_manager_pod(both, "newest")) == name_of(pods["newest"]), "only its container was restarted"


def test_last_state_upgrade_keeps_job_id_and_state(both: Team) -> None:
    before = {job: savedstates.saved(both, job) for job in JOBS}
    sha = edited(both, "Two at a time", JOBS, parallelism=2)
    for job in JOBS:
        again = savedstates.next_run(both, before[job], job, parallelism=2)
        assert again.id == before[job].run.id
        assert_restored_from_checkpoint(both, job, again)
    app = both.ready(sha)
    rows = dig(app, "status", "resources", default=[])
    effects = {row["name"]: row["effect"] for row in rows if row["kind"] == "FlinkDeployment"}
    assert effects == dict.fromkeys(JOBS, "upgrade-last-state"), rows


def test_lost_metadata_blocks_and_the_newest_checkpoint_is_found_and_gone_on_with(both: Team) -> None:
    before = savedstates.saved(both, "newest")
    edited(both, "Pause", ["newest"], state="suspended")
    both.until(lambda: status(both, "newest", "lifecycleState") == "SUSPENDED", "SUSPENDED")
    assert ha_metadata(both, "newest"), "a last-state suspension keeps what it is to be resumed from"
    lose(both, "newest")
    resumed = edited(both, "Go on", ["newest"], state="running")
    told = blocked(both, "newest")
    assert all(way in told for way in WAYS_OUT) and "HA metadata is not available" in told
    assert "HA metadata is not available" in both.complaint("newest", resumed)
    assert "HA metadata is not available" in both.status()

    newest = savedstates.newest_checkpoint(both, before.run.id)
    ask(both, "newest", "gitsync.io/restore-from", "first latest")
    again = savedstates.next_run(both, before, "newest", parallelism=2)
    restored = both.flink("newest").restored(again)
    assert restored is not None and restored.path == newest, "found by a pod that has the job's volumes"
    assert "request first:" in both.until(lambda: unblocked(both, "newest"), "the request answered", 30)
    both.ready(resumed)


@pytest.mark.full
def test_lost_metadata_of_a_lost_deployment_blocks_and_state_loss_is_accepted_once(both: Team) -> None:
    old = both.running("older", parallelism=2)
    lose_deployment(both, "older")
    told = blocked(both, "older")
    assert all(way in told for way in WAYS_OUT)
    ask(both, "older", "gitsync.io/accept-state-loss", "third")
    job = both.running("older", parallelism=2, other_than=old.id)
    assert both.state("older").restored == 0 and both.flink("older").restored(job) is None
    assert "request third:" in both.until(lambda: unblocked(both, "older"), "the request answered", 30)

    before = savedstates.saved(both, "older")
    edited(both, "One at a time", ["older"], parallelism=1)
    assert savedstates.next_run(both, before, "older").id == job.id
    lose_deployment(both, "older")
    assert all(way in blocked(both, "older") for way in WAYS_OUT), "an answered request is not carried out again"


def lose_deployment(team: Team, job: str) -> None:
    """Delete the JobManager Deployment and the HA metadata by hand, so that the agent sees both gone at once."""
    with team.agent_paused():
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, job))
        team.until(lambda: not pods(team, job), "no pod of the job left", 60)
        lose(team, job)


def edited(team: Team, subject: str, jobs: Iterable[str], **fields: object) -> str:
    """Commit changed fields of `spec.job`."""
    files: dict[str, str | None] = {}
    for job in jobs:
        manifest: Object = yaml.safe_load((team.repository.tree / f"apps/{job}.yaml").read_text())
        manifest["spec"]["job"] |= fields
        files[f"apps/{job}.yaml"] = yaml.safe_dump(manifest, sort_keys=False)
    return team.repository.commit(subject, files)


def ask(team: Team, job: str, annotation: str, value: str) -> None:
    """Make a request as a person does, by annotation."""
    patch = {"metadata": {"annotations": {annotation: value}}}
    team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, job, patch))


def status(team: Team, job: str, *path: str) -> str:
    return str(dig(team.deployment(job), "status", *path, default=""))


def condition(team: Team, job: str) -> Object:
    conditions = dig(team.deployment(job), "status", "conditions", default=[])
    return next((each for each in conditions if each["type"] == "UpgradeBlocked"), {})


def blocked(team: Team, job: str) -> str:
    """Wait until a job's upgrade is blocked; what is said about it."""

    def told() -> str | None:
        found = condition(team, job)
        return str(found["message"]) if found.get("status") == "True" else None

    return team.until(told, f"{job} blocked", 60)


def unblocked(team: Team, job: str) -> str | None:
    found = condition(team, job)
    return str(found.get("message")) if found.get("status") == "False" else None


def assert_restored_from_checkpoint(team: Team, name: str, job: flinkjobs.Job) -> None:
    restored = team.flink(name).restored(job)
    assert restored is not None and not restored.is_savepoint and job.id in restored.path


def pods(team: Team, job: str, component: str = "") -> list[Object]:
    labels = f"app={job}" + (f",component={component}" if component else "")
    found: list[Object] = team.client.send(requests.listing(requests.PODS, team.jobs, labels=labels))["items"]
    return found


def job_manager_pod(team: Team, job: str) -> Object:
    """The one JobManager pod that stays."""
    (pod,) = [each for each in pods(team, job, "jobmanager") if "deletionTimestamp" not in each["metadata"]]
    return pod


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def ha_metadata(team: Team, job: str) -> list[str]:
    """The ConfigMaps that Flink keeps for HA."""
    found = team.client.send(requests.listing(requests.CONFIG_MAPS, team.jobs, labels=f"app={job}"))["items"]
    return [name_of(each) for each in found if name_of(each).endswith("-config-map")]


def lose(team: Team, job: str) -> None:
    """Delete a job's HA metadata by hand."""
    for name in ha_metadata(team, job):
        team.client.send(requests.delete(requests.CONFIG_MAPS, team.jobs, name))
