"""`gitsync logs` against pods that really run."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.cli import main
from gitsync.sandbox import launching
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import PODS

WRITES = "import time; print('first'); print(); print('last', flush=True); time.sleep({}); print('end', end='')"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with a JobManager pod, two TaskManager pods, and no Flink in them."""
    folder = tmp_path_factory.mktemp("logs")
    supervisor = launching.up(launching.Options(folder, lifeline=True), Progress())
    kubeconfig = Layout(folder).kubeconfig
    client = Client.connect(kubeconfig=kubeconfig)
    for name, component in (("j", "jobmanager"), ("t-1", "taskmanager"), ("t-2", "taskmanager")):
        client.send(requests.create(PODS, "default", pod(name, component)))
    try:
        yield kubeconfig
    finally:
        launching.down(Layout(folder), Progress())
        if supervisor is not None:
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            supervisor.wait(60)


def pod(name: str, component: str) -> dict[str, object]:
    seconds = 600 if component == "jobmanager" else 2
    container = {
        "name": "flink-main-container",
        "image": "gitsync:latest",
        "command": ["python", "-c", WRITES.format(seconds)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "ticks", "component": component}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }


@pytest.fixture
def logs(sandbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    # The library reads KUBECONFIG once, when it is imported.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(sandbox))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main.run(["logs", "-n", "default", *arguments])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    yield run


def test_logs_of_one_and_of_several_pods(logs, sandbox: Path) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 90
    while logs("ticks") != (0, "first\n\nlast\n"):
        assert time.monotonic() < deadline, logs("ticks")
        time.sleep(0.2)
    assert logs("ticks", "--tail", "1") == (0, "last\n")
    code, text = logs("default/ticks", "-t", "-f")
    assert code == 0
    for name in ("t-1", "t-2"):
        assert [line for line in text.splitlines() if line.startswith(name)] == [
            f"{name} first",
            f"{name} ",
            f"{name} last",
            f"{name} end",
        ]
    code, text = logs("ticks", "-c", "sidecar")
    assert code == 3 and "sidecar" in text
    code, text = logs("nothing")
    assert (code, "there is no FlinkDeployment default/nothing and no FlinkSessionJob of that name" in text) == (
        3,
        True,
    )
