"""Back to a commit with the state it had, and a lost cluster rebuilt from Git alone, with real Flink (F51, F54)."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
import yaml
from teams import CLUSTER, Team

from gitsync.model import ledgers
from gitsync.sandbox.demo import commands, flinkjobs
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"


def edited(team: Team, subject: str, parallelism: int) -> str:
    """Commit another parallelism."""

    def change(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["job"]["parallelism"] = parallelism
        # No two commits have the same content: what is told of an app names the commit that brought it.
        manifest["metadata"]["annotations"] = {"example.org/change": subject}
        return yaml.safe_dump(manifest, sort_keys=False)

    return team.repository.edit(subject, FILE, change)


def upgraded(team: Team, old: flinkjobs.Job, subject: str, parallelism: int) -> tuple[str, flinkjobs.Job]:
    """A commit and the run it brought, once the records of it are in Git."""
    sha = edited(team, subject, parallelism)
    job = team.running(parallelism=parallelism, other_than=old.id)
    team.state()
    team.ready(sha)
    team.until(lambda: team.notes(sha) or None, f"the records of {subject}", 90)
    return sha, job


def restored_from(team: Team) -> str:
    """The state the job was started from, as its status says."""
    return str(dig(team.deployment(), "status", "jobStatus", "upgradeSavepointPath", default=""))


def test_a_rollback_with_state_and_a_rebuilt_cluster(team: Team) -> None:
    first = team.repository.commit(
        "Run the ticks job", {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks")}
    )
    with team.agent():
        old = team.running()
        team.state(above=20)
        team.ready(first)
        team.until(lambda: team.notes(first) or None, "the records of the first commit", 90)
        _, second_run = upgraded(team, old, "Two at a time", 2)
        of_first = restored_from(team)
        at_first = team.state().restored
        _, third_run = upgraded(team, second_run, "One at a time", 1)
        of_second = restored_from(team)
        later = team.state(above=at_first + 20)
        assert later.restored > at_first > 0 and of_first != of_second

        text = commands.gitsync(
            team.layout, "rollback", "root", "--to", first, "--with-state", "--namespace", team.home,
            "--reason", "it counted wrong",
        )  # fmt: skip
        assert f"starts from {of_first}" in text
        team.running(parallelism=1, other_than=third_run.id)
        back = team.state()
        assert (back.restored, restored_from(team)) == (at_first, of_first)
        assert back.gaps == 0
        team.ready(first)
        commands.gitsync(team.layout, "rollback", "root", "--end", "--namespace", team.home)

    # Everything is lost but Git and the files of the state.
    lose(team)
    newest = newest_in_git(team)
    assert newest
    printed = commands.gitsync(
        team.layout, "restore", "--repo", team.repository.url, "--cluster", CLUSTER, "--namespace", team.home
    )
    assert newest in printed
    with team.agent():
        team.running(parallelism=1)
        rebuilt = team.state()
        assert restored_from(team) == newest
        assert rebuilt.restored > 0 and rebuilt.gaps == 0


def lose(team: Team) -> None:
    """Take every object away as the loss of a cluster does: nothing is stopped or saved."""
    kinds = (
        (requests.FLINK_DEPLOYMENTS, team.jobs),
        (requests.FLINK_STATE_SNAPSHOTS, team.jobs),
        (requests.DEPLOYMENTS, team.jobs),
        (requests.SYNC_APPS, team.home),
    )
    for kind, namespace in kinds:
        for item in team.client.send(requests.listing(kind, namespace))["items"]:
            name = item["metadata"]["name"]
            with contextlib.suppress(errors.NotFound):
                team.client.send(requests.merge_patch(kind, namespace, name, {"metadata": {"finalizers": None}}))
                team.client.send(requests.delete(kind, namespace, name))
    listing = requests.listing(requests.PODS, team.jobs)
    team.until(lambda: not team.client.send(listing)["items"] or None, "no pod left", 90)


def newest_in_git(team: Team) -> str:
    """The newest snapshot of the job in the status branch."""
    show = ["git", "-C", team.repository.url, "show", f"gitsync/status/{CLUSTER}:apps/root.json"]
    text = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    return ledgers.snapshot_of(ledgers.parse(text, CLUSTER, "root"), "FlinkDeployment", team.jobs, "ticks")
