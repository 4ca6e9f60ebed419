"""The rights of deploy/kustomize/base are enough for what Git may contain, and not for more."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import deployed
import pytest
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.settings import Settings
from operator_core.kube import requests
from operator_core.kube.client import Client

TEAM = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: flink}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: flink}
rules:
- {apiGroups: [""], resources: [pods, configmaps], verbs: ["*"]}
- {apiGroups: [apps], resources: [deployments, deployments/finalizers], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: flink}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: flink}
subjects: [{kind: ServiceAccount, name: flink}]
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {token: s3cr3t}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: state}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
---
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: ticks}
spec:
  image: flink:1.20
  flinkVersion: v1_20
  serviceAccount: flink
  jobManager: {resource: {cpu: 1, memory: 1024m}}
  taskManager: {resource: {cpu: 1, memory: 1024m}}
  job: {jarURI: "local:///opt/job.jar", parallelism: 1, upgradeMode: stateless}
"""


@pytest.fixture
def restricted(client: Client, kubeconfig: Path, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig with the rights of the agent's service account and no others."""
    with deployed.token_of_the_agent(client) as token:
        yield deployed.kubeconfig_of(token, kubeconfig, tmp_path)


@pytest.fixture
def agent(restricted: Path, client: Client, namespace: str, tmp_path: Path) -> Iterator[tuple[Repository, Cluster]]:
    repository = Repository(tmp_path)
    repository.commit("team", {"apps/team.yaml": TEAM})
    settings = Settings.model_validate(
        {
            "repo": str(repository.bare),
            "revision": "main",
            "path": "apps",
            "destination_namespace": namespace,
            "poll_seconds": 0.2,
        }
    )
    running = Agent(Client.connect(kubeconfig=restricted), settings, tmp_path / "agent")
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(running.stop)
        yield repository, Cluster(client, "gitsync-system")
        client.send(requests.delete(requests.SYNC_APPS, "gitsync-system", "root"))


def test_what_a_team_needs_is_applied_and_nothing_more_can_be_granted(
    agent: tuple[Repository, Cluster], client: Client, namespace: str
) -> None:
    repository, cluster = agent

    def applied() -> bool | None:
        app = cluster.app()
        whole = app.status.sync is not None and app.status.sync.status == "Synced"
        assert not app.status.problems, app.status.problems
        return whole or None

    wait_for("the team's objects", applied)
    token = client.send(requests.get(requests.SECRETS, namespace, "key"))["data"]["token"]
    assert base64.b64decode(token) == b"s3cr3t"
    more = TEAM.replace("resources: [pods, configmaps]", "resources: [pods, configmaps, nodes]")
    repository.commit("greedy", {"apps/team.yaml": more})
    message = cluster.wait_not_ready("Forbidden")
    assert "apps/team.yaml:5: the agent may not write Role" in message
    assert "nodes" in message


def test_kind_that_the_agent_may_not_even_list_is_said_with_its_place(
    agent: tuple[Repository, Cluster], client: Client, namespace: str
) -> None:
    repository, cluster = agent
    quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: 3}}\n"
    repository.commit("quota", {"apps/quota.yaml": quota})
    message = cluster.wait_not_ready("Forbidden")
    assert "apps/quota.yaml:1: the agent cannot list and watch resourcequotas" in message
    healed = repository.commit("without", {"apps/quota.yaml": None})
    wait_for("healing", lambda: cluster.app().status.attempted_revision == healed or None)
    wait_for("no problem", lambda: not cluster.app().status.problems or None)
