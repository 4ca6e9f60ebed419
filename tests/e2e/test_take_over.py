"""Jobs that the Java operator left running: taken over as they run, then upgraded with their state (F29).

What it leaves is written here in its own form over a cluster that runs: its status members and nothing of ours, its
name as the writer of every object. The records in between are the same for both (`tests/golden`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sessions
import yaml
from teams import Team

from operator_core.controllers.world import FIELD_MANAGER
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import Resource

pytestmark = pytest.mark.full
JAVA = "fabric8-kubernetes-client"
QUIET_SECONDS = 240
"""A minute after its last write it may still be there; the guard looks every quarter of a minute."""
CLUSTER_INFO = {"total-cpu": "1.0", "total-memory": "2147483648"}
ITS_OWN = ("flink-version", "flink-revision", "state-size")


def leave_as_java_does(team: Team, kind: Resource, name: str) -> None:
    """Take what is ours from a resource and its cluster's objects, and write the status as the other operator."""
    client = team.client
    for owned in (requests.DEPLOYMENTS, requests.SERVICES, requests.CONFIG_MAPS):
        for item in client.send(requests.listing(owned, team.jobs, labels=f"app={name}"))["items"]:
            rename_writer(team, owned, item["metadata"]["name"])
    rename_writer(team, kind, name)
    live = client.send(requests.get(kind, team.jobs, name))
    status = live["status"]
    if kind == requests.FLINK_SESSION_JOBS:
        del status["conditions"]
    else:
        status["conditions"] = [one for one in status["conditions"] if one["type"] == "Running"]
        known = status["clusterInfo"]
        status["clusterInfo"] = CLUSTER_INFO | {key: known[key] for key in ITS_OWN if key in known}
    whole = {**live, "status": status}
    client.send(requests.replace(kind, whole, subresource="status", field_manager=JAVA))


def rename_writer(team: Team, kind: Resource, name: str) -> None:
    """What the agent wrote is on record as written by the other operator."""
    entries = team.client.send(requests.get(kind, team.jobs, name))["metadata"]["managedFields"]
    renamed = [{**one, "manager": JAVA} if one["manager"] == FIELD_MANAGER else one for one in entries]
    team.client.send(requests.merge_patch(kind, team.jobs, name, {"metadata": {"managedFields": renamed}}))


def create(team: Team, *texts: str) -> None:
    """Create objects as a person does."""
    for text in texts:
        for body in yaml.safe_load_all(text):
            group, _, version = str(body["apiVersion"]).rpartition("/")
            kind = Resource(group, version, f"{body['kind'].lower()}s", body["kind"])
            team.client.send(requests.create(kind, team.jobs, body, field_manager="kubectl-create"))


def conditions(resource: Object | None) -> dict[str, str]:
    """Status by type."""
    return {one["type"]: one["status"] for one in dig(resource, "status", "conditions", default=[])}


def pods(team: Team) -> set[str]:
    """The uids of all pods."""
    return {pod["metadata"]["uid"] for pod in team.client.send(requests.listing(requests.PODS, team.jobs))["items"]}


def reasons(team: Team) -> dict[str, int]:
    """How often what was told."""
    told: dict[str, int] = {}
    for event in team.events():
        told[event["reason"]] = told.get(event["reason"], 0) + int(event.get("count") or 1)
    return told


def test_an_application_goes_on_and_is_upgraded_with_its_state(make_team: Callable[[str], Team]) -> None:
    team = make_team("application")
    create(team, team.access_file(), team.job_file("ticks"))
    with team.agent(GITSYNC_ROLE="operator"):
        job = team.running()
        team.until(lambda: dig(team.deployment(), "status", "lifecycleState") == "STABLE", "a stable record")
        team.until(lambda: dig(team.deployment(), "status", "clusterInfo", "state-size"), "a checkpoint")
    leave_as_java_does(team, requests.FLINK_DEPLOYMENTS, "ticks")
    left, standing, told = team.deployment(), pods(team), reasons(team)
    assert left is not None and "Ready" not in conditions(left)
    with team.agent(GITSYNC_ROLE="operator"):
        team.until(lambda: conditions(team.deployment()).get("ForeignOperator") == "True", "it is left alone at first")
        team.until(lambda: conditions(team.deployment()).get("Ready") == "True", "it is taken over", QUIET_SECONDS)
        taken = team.deployment()
        assert taken is not None and "ForeignOperator" not in conditions(taken)
        assert pods(team) == standing, "nothing was started again"
        assert team.running().id == job.id
        for member in ("lastReconciledSpec", "lastStableSpec", "state", "reconciliationTimestamp"):
            path = ("status", "reconciliationStatus", member)
            assert dig(taken, *path) == dig(left, *path), f"{member} is kept letter by letter"
        quiet = {"Submit", "SpecChanged", "Suspended", "JobStatusChanged"}
        assert {key: reasons(team).get(key) for key in quiet} == {key: told.get(key) for key in quiet}
        before = team.state()
        change = {"spec": {"job": {"parallelism": 2}}}
        team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", change))
        assert team.running(parallelism=2).id != job.id
        after = team.state()
        assert before.total <= after.restored and after.gaps == 0


def test_a_session_job_goes_on_and_is_upgraded_with_its_state(make_team: Callable[[str], Team]) -> None:
    team = make_team("session")
    settings = sessions.settings(team) | {"GITSYNC_ROLE": "operator"}
    create(team, team.access_file(), sessions.cluster_file(team), sessions.job_file(team, "counting"))
    with team.agent(**settings):
        first = sessions.counting(team, "counting")
        sessions.reaches(team, "counting", "STABLE")
        team.until(lambda: dig(team.deployment(sessions.CLUSTER), "status", "lifecycleState") == "STABLE", "a record")
    leave_as_java_does(team, requests.FLINK_DEPLOYMENTS, sessions.CLUSTER)
    leave_as_java_does(team, requests.FLINK_SESSION_JOBS, "counting")
    left, standing = sessions.resource(team, "counting"), pods(team)
    assert left is not None and not conditions(left)
    with team.agent(**settings):
        team.until(lambda: conditions(sessions.resource(team, "counting")), "it is taken over", QUIET_SECONDS)
        assert pods(team) == standing, "nothing was started again"
        went_on = sessions.seen(team, "counting")
        assert went_on is not None and went_on.run.id == first.run.id
        change = {"spec": {"job": {"parallelism": 2}}}
        team.client.send(requests.merge_patch(requests.FLINK_SESSION_JOBS, team.jobs, "counting", change))
        second = sessions.counting(team, "counting", parallelism=2, other_than=first.run.id)
        assert went_on.state.total <= second.state.restored and second.state.gaps == 0
