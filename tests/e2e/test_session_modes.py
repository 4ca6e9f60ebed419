"""Highly available session clusters on Flink 2.3: what befalls them, their job outlives (F02, F03, F12, F13, F22)."""

from __future__ import annotations

import highlyavailable
import pytest
import sessions
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

pytestmark = pytest.mark.full
FILE = "apps/cluster.yaml"


def cluster_file(team: Team, mode: str, **options: str) -> str:
    """A highly available session cluster of a mode, exposed in two ways."""

    def change(manifest: Object) -> None:
        manifest["spec"]["job"] = {}
        highlyavailable.change(manifest)
        del manifest["spec"]["job"]
        manifest["spec"]["mode"] = mode
        manifest["spec"]["ingress"] = {"template": "{{name}}.example.com", "className": "none"}
        manifest["spec"]["flinkConfiguration"] |= {"kubernetes.rest-service.exposed.type": "NodePort", **options}

    return sessions.cluster_file(team, change, "v2_3")


def get(team: Team, resource: requests.Resource, name: str) -> Object:
    """An object of the team's namespace, {} when it is not there."""
    try:
        return team.client.send(requests.get(resource, team.jobs, name))
    except errors.NotFound:
        return {}


def uid(team: Team) -> str:
    """That of the JobManager Deployment."""
    return str(dig(get(team, requests.DEPLOYMENTS, sessions.CLUSTER), "metadata", "uid", default=""))


def replaced(team: Team, before: str) -> None:
    """Wait for another JobManager Deployment."""
    team.until(lambda: uid(team) not in ("", before) or None, "another JobManager Deployment")


def rescale(team: Team, replicas: int) -> None:
    """Through the scale subresource; the job goes on."""
    patch = {"spec": {"replicas": replicas}}
    where = (requests.FLINK_DEPLOYMENTS, team.jobs, sessions.CLUSTER)
    team.client.send(requests.merge_patch(*where, patch, subresource="scale"))
    team.until(
        lambda: len(team.flink(sessions.CLUSTER).get("/taskmanagers")["taskmanagers"]) == replicas or None,
        f"{replicas} TaskManagers",
    )


@pytest.mark.parametrize("mode", ["native", "standalone"])
def test_a_job_outlives_what_befalls_its_cluster(make_team, mode: str) -> None:
    team = make_team(mode)
    files = {
        "apps/access.yaml": team.access_file(),
        FILE: cluster_file(team, mode),
        "apps/first.yaml": sessions.job_file(team, "first"),
    }
    sha = team.repository.commit("A session cluster", files)
    with team.agent(**sessions.settings(team)):
        before = sessions.counting(team, "first")
        team.ready(sha)
        ingress = get(team, requests.INGRESSES, sessions.CLUSTER)
        assert dig(ingress, "spec", "rules", 0, "host") == "cluster.example.com"
        assert get(team, requests.SERVICES, f"{sessions.CLUSTER}-rest")["spec"]["type"] == "NodePort"
        if mode == "standalone":
            rescale(team, 2)
            assert sessions.counting(team, "first").run.id == before.run.id

        lost = uid(team)
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, sessions.CLUSTER, uid=lost))
        replaced(team, lost)
        before = sessions.counting(team, "first")

        changed = uid(team)
        team.repository.commit("Another option", {FILE: cluster_file(team, mode, **{"web.refresh-interval": "4000"})})
        replaced(team, changed)
        after = sessions.counting(team, "first")
        assert after.state.restored >= before.state.total and after.state.gaps == 0
        if mode == "standalone":
            workers = get(team, requests.DEPLOYMENTS, f"{sessions.CLUSTER}-taskmanager")
            assert dig(workers, "spec", "replicas") == 2, "the scale is nobody's to undo"

        team.repository.commit("Enough", {FILE: None, "apps/first.yaml": None})
        team.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, team.jobs, sessions.CLUSTER))
        team.until(lambda: "should be deleted first" in str(dig(team.deployment(sessions.CLUSTER), "status")), "waits")
        team.client.send(requests.delete(requests.FLINK_SESSION_JOBS, team.jobs, "first"))
        team.until(lambda: team.deployment(sessions.CLUSTER) is None or None, "the session cluster gone", 90)
        assert not team.client.send(requests.listing(requests.DEPLOYMENTS, team.jobs))["items"]
        left = team.client.send(requests.listing(requests.CONFIG_MAPS, team.jobs, labels=f"app={sessions.CLUSTER}"))
        assert not [one for one in left["items"] if one["metadata"]["name"].endswith("-config-map")]
