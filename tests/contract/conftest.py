"""One control plane without a kubelet for all contract tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from syncing import Cluster, Repository

from gitsync.apply import definitions
from gitsync.sandbox import launching
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a real API server that ends with the test session."""
    directory = tmp_path_factory.mktemp("control-plane")
    progress = Progress()
    supervisor = launching.up(launching.Options(directory, kubelet=False, lifeline=True), progress)
    try:
        yield Layout(directory).kubeconfig
    finally:
        launching.down(Layout(directory), progress)
        if supervisor is not None:
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            supervisor.wait(60)


@pytest.fixture(scope="session")
def client(kubeconfig: Path) -> Client:
    """A client with all rights."""
    return Client.connect(kubeconfig=kubeconfig)


@pytest.fixture
def namespace(client: Client, request: pytest.FixtureRequest) -> str:
    """An empty namespace named after the test."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name.lower())[:50].strip("-")
    with contextlib.suppress(errors.AlreadyExists):
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": name}}))
    return name


@pytest.fixture
def cluster(client: Client, namespace: str) -> Cluster:
    """The test's namespace of a cluster that knows the product's kinds."""
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)
    return Cluster(client, namespace)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository for an agent to follow."""
    return Repository(tmp_path)
