"""An agent whose project asks for signatures applies nothing of a revision that has none."""

import shutil
import subprocess
from pathlib import Path

import pytest
from signing import SshSigner
from syncing import Agent, Cluster, Repository

from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1'}\n"


def test_nothing_of_an_unsigned_revision_is_applied(
    cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path
) -> None:
    ada = SshSigner("ada@example.org", tmp_path)
    project = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "signatureKeys": [{"keyID": "ada@example.org"}],
    }
    repository.commit("Not signed", {"apps/a.yaml": MAP})
    places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": 0.3}
    source = {"repo": str(repository.bare), "revision": "main", "path": "apps", "projects": {"default": project}}
    settings = Settings.model_validate(places | source)
    agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    try:
        assert "it has no signature" in cluster.wait_not_ready("SignatureInvalid")
        assert cluster.get(CONFIG_MAPS, "one") is None
        sha = signed(ada, repository, MAP)
        cluster_message = cluster.wait_not_ready("SignatureInvalid")
        assert "is not signed by a key the project asks for (ada@example.org)" in cluster_message
        body: Object = {"metadata": {"name": "gitsync-allowed-signers"}, "data": {"allowed_signers": ada.allowed}}
        cluster.client.send(requests.create(CONFIG_MAPS, cluster.namespace, body))
        cluster.wait_synced(sha)
        repository.commit("Not signed again", {"apps/a.yaml": MAP.replace("'1'", "'2'")})
        cluster.wait_not_ready("SignatureInvalid")
        live = cluster.get(CONFIG_MAPS, "one")
        assert live is not None and live["data"] == {"a": "1"}
    finally:
        agent.stop()


def signed(who: SshSigner, repository: Repository, text: str) -> str:
    """A signed commit of `text`, pushed."""
    (repository.work / "apps/a.yaml").write_text(text)
    who.sign(repository, "commit", "-S", "-q", "-a", "--allow-empty", "-m", "Signed")
    push = ["git", "push", "-q", str(repository.bare), "main"]
    subprocess.run(push, cwd=repository.work, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository.work, check=True, capture_output=True, text=True)
    return head.stdout.strip()
