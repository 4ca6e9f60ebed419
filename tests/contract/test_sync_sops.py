"""An agent that opens encrypted Secrets, plain and through Kustomize, and whose records hold none of it."""

import base64
import json
import logging
from pathlib import Path

import pytest
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import SECRETS

FILES = Path(__file__).parent / "sops"
KUSTOMIZATION = """\
resources: [regex.yaml]
namePrefix: built-
generatorOptions: {disableNameSuffixHash: true}
secretGenerator: [{name: files, files: [all.yaml, plain.txt]}]
"""


def test_secrets_arrive_in_plain_and_nowhere_else(
    cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    closed = (FILES / "regex.yaml").read_text()
    repository.commit("Encrypted", {"apps/regex.yaml": closed})
    places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": 0.3}
    source = {"repo": str(repository.bare), "revision": "main", "path": "apps", "prune": True}
    client = Client.connect(kubeconfig=kubeconfig)
    agent = Agent(client, Settings.model_validate({**places, **source}), tmp_path / "agent")
    try:
        said = cluster.wait_not_ready("DecryptionFailed")
        assert "the Secret database stays encrypted: the agent has no age key" in said
        assert "apps/regex.yaml" in said
        assert cluster.get(SECRETS, "database") is None
        key: Object = {
            "metadata": {"name": "age", "labels": {"gitsync.io/secret-type": "age-key"}},
            "stringData": {"team.agekey": (FILES / "key.txt").read_text()},
        }
        cluster.client.send(requests.create(SECRETS, cluster.namespace, key))
        assert value(cluster, "database", "password") == "hunter2"
        assert value(cluster, "second", "password") == "swordfish"
        live = cluster.get(SECRETS, "database")
        assert live is not None and "sops" not in live
        repository.commit("Changed by hand", {"apps/regex.yaml": closed.replace("team: orders", "team: thieves", 1)})
        assert "its MAC does not fit" in cluster.wait_not_ready("DecryptionFailed")
        assert value(cluster, "database", "password") == "hunter2", "nothing is pruned or changed"
        generated = {"apps/all.yaml": (FILES / "all.yaml").read_text(), "apps/plain.txt": "plain"}
        files = {"apps/regex.yaml": closed, "apps/kustomization.yaml": KUSTOMIZATION, **generated}
        cluster.wait_synced(repository.commit("Built", files))
        assert value(cluster, "built-database", "password") == "hunter2"
        assert value(cluster, "built-files", "all.yaml").startswith("a: text\nb: 7\n")
        assert value(cluster, "built-files", "plain.txt") == "plain"
        records = json.dumps(cluster.client.send(requests.listing(requests.SYNC_APPS, cluster.namespace)))
        events = json.dumps(cluster.client.send(requests.listing(requests.EVENTS, cluster.namespace)))
        for told in (records, events, caplog.text):
            assert "hunter2" not in told and "swordfish" not in told and "AGE-SECRET-KEY" not in told
        written = [file.read_bytes() for file in (tmp_path / "agent").rglob("*") if file.is_file()]
        assert not any(b"hunter2" in content for content in written)
    finally:
        agent.stop()


def value(cluster: Cluster, name: str, key: str) -> str:
    """The plain value of a live Secret, once it is there."""
    found = wait_for(f"Secret {name}", lambda: cluster.get(SECRETS, name))
    return base64.b64decode(found["data"][key]).decode()
