"""The agent's service account as deploy/kustomize/base makes it, and a kubeconfig with its rights alone."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml

from gitsync.apply import definitions
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.requests import Request
from operator_core.runtime.clock import SystemClock

BASE = Path(__file__).parents[2] / "deploy" / "kustomize" / "base"


def base_manifests() -> list[Object]:
    """The objects of the base, as `kubectl apply -k` would send them."""
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [document for file in files for document in yaml.safe_load_all((BASE / file).read_text())]


@contextlib.contextmanager
def token_of_the_agent(client: Client) -> Iterator[str]:
    """Deploy the base; a token of its service account, whose rights in the cluster end with the block."""
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    discovery = Discovery(client)
    for manifest in base_manifests():
        resource = discovery.find(manifest["apiVersion"], manifest["kind"])
        assert resource is not None
        client.send(requests.apply(resource, manifest, field_manager="test"))
    path = requests.SERVICE_ACCOUNTS.path("gitsync-system", "gitsync", "token")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    try:
        yield str(client.send(Request("POST", path, (), body))["status"]["token"])
    finally:
        binding = discovery.find("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
        assert binding is not None
        client.send(requests.delete(binding, None, "gitsync"))


def kubeconfig_of(token: str, kubeconfig: Path, directory: Path) -> Path:
    """A kubeconfig like another one, with the token's rights and no others."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = directory / "restricted"
    file.write_text(yaml.safe_dump(config))
    return file
