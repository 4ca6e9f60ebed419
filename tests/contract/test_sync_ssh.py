"""An agent that reads a private repository over ssh, with Secrets and ConfigMaps in Argo CD's form."""

from pathlib import Path

from git_ssh import SshServer
from syncing import Agent, Cluster, Repository

from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client

APP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: over-ssh}\n"


def test_a_key_arrives_and_is_revoked(
    cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path
) -> None:
    sha = repository.commit("First", {"apps/a.yaml": APP})
    with SshServer(repository.bare.parent) as server:
        settings = {"repo": server.url("bare.git"), "revision": "main", "path": "apps", "poll_seconds": 0.3}
        places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace}
        agent = Agent(
            Client.connect(kubeconfig=kubeconfig), Settings.model_validate(settings | places), tmp_path / "agent"
        )
        try:
            assert "host key is not among the known ones" in cluster.wait_not_ready("RepositoryUnreachable")
            make(cluster, "ConfigMap", "argocd-ssh-known-hosts-cm", data={"ssh_known_hosts": server.known_hosts})
            make(
                cluster,
                "Secret",
                "repository",
                labels={"argocd.argoproj.io/secret-type": "repo-creds"},
                stringData={"url": f"ssh://git@localhost:{server.port}", "sshPrivateKey": server.private_key},
            )
            cluster.wait_synced(sha)
            cluster.client.send(requests.delete(requests.SECRETS, cluster.namespace, "repository"))
            assert "it refused the credentials" in cluster.wait_not_ready("RepositoryUnreachable")
            assert cluster.get(requests.CONFIG_MAPS, "over-ssh") is not None, "nothing is pruned meanwhile"
        finally:
            agent.stop()


def make(cluster: Cluster, kind: str, name: str, labels: dict[str, str] | None = None, **content: Object) -> None:
    body: Object = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": labels or {}}, **content}
    resource = requests.SECRETS if kind == "Secret" else requests.CONFIG_MAPS
    cluster.client.send(requests.create(resource, cluster.namespace, body))
