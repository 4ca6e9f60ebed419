"""What contract tests share: one control plane without a kubelet, one sandbox with one, agents that end."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubeletnode import Node
from operating import DEADLINE, is_served, until
from sandboxes import Sandbox
from syncing import Agent, Cluster, Repository, Run, Start, following

from gitsync.apply import definitions
from gitsync.cli import main
from gitsync.sandbox import launching
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.controllers.operator import Operator
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.model import crds
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


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """Start an agent whose app and objects share the test's namespace."""
    agents = contextlib.ExitStack()

    def begin(**changes: object) -> Agent:
        settings = following(cluster, repository, **changes)
        agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
        agents.callback(agent.stop)
        return agent

    with agents:
        yield begin


@pytest.fixture
def run(
    cluster: Cluster,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command line; its exit code and everything it printed."""
    # The library reads KUBECONFIG once, when it is imported.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    monkeypatch.setenv("GITSYNC_NAMESPACE", cluster.namespace)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def begin(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main.run(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return begin


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    progress = Progress()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITSYNC_SANDBOX_BACKOFF", "0.2")
        patch.setenv("GITSYNC_SANDBOX_REFRESH", "0.5")
        supervisor = launching.up(launching.Options(folder, kubelet=True, lifeline=True), progress)
    try:
        yield Node(folder)
    finally:
        launching.down(Layout(folder), progress)
        if supervisor is not None:
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            supervisor.wait(60)
        left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout.split()
        assert left == [], "down leaves no process"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    made.up()
    yield made
    made.call("reset")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path / "sandbox")
    yield made
    if made.folder.exists():
        made.call("reset")


@pytest.fixture(scope="module")
def flink_definitions(client: Client) -> None:
    """The custom resource definitions, served."""
    for body in crds.flink_crds():
        client.send(requests.apply(requests.CRDS, body, field_manager="test"))
    until(lambda: is_served(client))


@pytest.fixture
def operator(client: Client, namespace: str, flink_definitions: None) -> Iterator[Operator]:
    """The Flink half, watching the test's namespace."""
    running = Operator(client, clock=SystemClock(), namespaces=(namespace,), rest="proxy", workers=2)
    running.start()
    assert running.wait_synced(DEADLINE)
    yield running
    assert running.stop(10.0)
