"""A team's session cluster and the session jobs on it: their manifests, and what Flink says of each job by its own id.

The jar comes from a directory that the agent may read, as a platform's mounted volume would.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import teams
import yaml
from teams import Team

from gitsync.sandbox.demo import flinkjobs
from gitsync.sandbox.demojob import sources
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

CLUSTER = "cluster"
PATIENCE = 120


def settings(team: Team) -> dict[str, str]:
    """Environment of an agent that may read jars below the team's own directory."""
    jars = team.folder / "jars"
    jars.mkdir(exist_ok=True)
    shutil.copy(sources.JAR, jars / "demo-job.jar")
    return {"GITSYNC_OPERATOR_DEFAULTS": f"{{kubernetes.operator.user.artifacts.local-dir: {jars}}}"}


def cluster_file(team: Team, change: Callable[[Object], None] | None = None, version: str = "v1_20") -> str:
    """A session cluster with room for four subtasks on one TaskManager."""

    def without_job(manifest: Object) -> None:
        del manifest["spec"]["job"]
        manifest["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] = "4"
        if change is not None:
            change(manifest)

    return team.job_file(CLUSTER, without_job, version)


def job_file(team: Team, name: str, change: Callable[[Object], None] | None = None, **job: object) -> str:
    """A session job that runs the demo's job; `job` are fields of `spec.job`."""
    manifest: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": name, "namespace": team.jobs},
        "spec": {
            "deploymentName": CLUSTER,
            "job": {
                "jarURI": f"file://{team.folder}/jars/demo-job.jar",
                "entryClass": sources.MAIN_CLASS,
                "args": ["--rate", "200"],
                "parallelism": 1,
                "upgradeMode": "savepoint",
                **job,
            },
        },
    }
    if change is not None:
        change(manifest)
    return yaml.safe_dump(manifest, sort_keys=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A run of a session job and its state at one moment."""

    run: flinkjobs.Job
    state: flinkjobs.State


def resource(team: Team, name: str) -> Object | None:
    """A FlinkSessionJob."""
    try:
        return team.client.send(requests.get(requests.FLINK_SESSION_JOBS, team.jobs, name))
    except errors.NotFound:
        return None


def status(team: Team, name: str, *path: str) -> object:
    """A field of its status."""
    return dig(resource(team, name), "status", *path)


def seen(team: Team, name: str) -> Seen | None:
    """The run that the resource's status names, once all of it runs and tells its state."""
    job_id = status(team, name, "jobStatus", "jobId")
    flink = team.flink(CLUSTER)
    try:
        if not job_id or str(job_id) not in flink.job_ids():
            return None
        run = flink.job_of(str(job_id))
        state = flink.state(run) if run.is_running else None
    except (errors.KubeError, errors.Unreachable):
        return None
    return Seen(run, state) if state is not None else None


def counting(team: Team, name: str, *, parallelism: int = 1, other_than: str = "") -> Seen:
    """Wait until the job counts at a parallelism, as another run than `other_than`."""

    def counts() -> Seen | None:
        one = seen(team, name)
        right = one is not None and one.run.parallelism == parallelism and one.run.id != other_than
        return one if right and one is not None and one.state.total > one.state.restored else None

    return team.until(counts, f"{name} counting at parallelism {parallelism}", 2 * teams.BOOT_SECONDS)


def lifecycle(team: Team, name: str) -> str:
    """Its lifecycle state."""
    return str(status(team, name, "lifecycleState") or "")


def reaches(team: Team, name: str, state: str) -> None:
    """Wait for a lifecycle state."""
    team.until(lambda: lifecycle(team, name) == state or None, f"{name} {state}", PATIENCE)


def went_on(before: Seen, after: Seen) -> None:
    """The later run began with all that the earlier one had when it was looked at, and lost nothing."""
    assert before.state.total <= after.state.restored < after.state.total, (before.state, after.state)
    assert after.state.gaps == 0, after.state


def running_ids(team: Team) -> set[str]:
    """The jobs that the cluster runs now."""
    ids = team.flink(CLUSTER).job_ids()
    return {job_id for job_id, state in ids.items() if state not in ("FINISHED", "CANCELED", "FAILED")}


def take_away(team: Team) -> None:
    """End the cluster and its jobs with no agent left to release them, so that the next test has the machine."""
    for kind in (requests.FLINK_SESSION_JOBS, requests.FLINK_DEPLOYMENTS):
        for item in team.client.send(requests.listing(kind, team.jobs))["items"]:
            name = item["metadata"]["name"]
            team.client.send(requests.merge_patch(kind, team.jobs, name, {"metadata": {"finalizers": None}}))
            team.client.send(requests.delete(kind, team.jobs, name))
    pods = requests.listing(requests.PODS, team.jobs)
    team.until(lambda: not team.client.send(pods)["items"] or None, "the pods gone", 90)
