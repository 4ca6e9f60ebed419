"""Every command when the cluster refuses or does not answer: exit code 3 and one message that says what and where."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from git_repositories import run_git

from gitsync.cli import main
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

COMMANDS = (
    ("status",),
    ("status", "root", "-o", "json"),
    ("diff",),
    ("sync", "root"),
    ("history",),
    ("logs", "ns/job"),
    ("snapshot", "job"),
    ("rollback", "root"),
    ("suspend", "root"),
    ("approve", "root"),
    ("resume", "root"),
    ("import", "out"),
    ("install",),
    ("render", "--app", "root"),
    ("plan", "--live"),
)


@pytest.fixture
def use(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Callable[..., tuple[int, str]]]:
    """Run commands in an empty repository under a changed kubeconfig: exit code and what standard error says."""
    monkeypatch.chdir(tmp_path)
    run_git("init", "--quiet", at=tmp_path)

    def under(*, token: str | None = None, server: str | None = None) -> Callable[..., tuple[int, str]]:
        config = json.loads(kubeconfig.read_text())
        if token:
            config["users"][0]["user"] = {"token": token}
        if server:
            config["clusters"][0]["cluster"]["server"] = server
        file = tmp_path / "changed-kubeconfig"
        file.write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(file))

        def run(*arguments: str) -> tuple[int, str]:
            capsys.readouterr()
            code = main.run(arguments)
            return code, capsys.readouterr().err

        return run

    return under


def token_of_few_rights(client: Client, namespace: str) -> str:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "few", "namespace": namespace}}
    client.send(requests.apply(requests.SERVICE_ACCOUNTS, account, field_manager="test"))
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/few/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(client.send(Request("POST", path, body=body))["status"]["token"])


def one_message(told: str) -> str:
    lines = [line for line in told.splitlines() if not line.startswith("installing ")]
    assert len(lines) == 1 and lines[0].startswith("gitsync: "), told
    assert "internal error" not in told and "Traceback" not in told
    return lines[0]


def test_an_account_of_few_rights_is_told_which_one_it_lacks(
    client: Client, namespace: str, use: Callable[..., Callable[..., tuple[int, str]]]
) -> None:
    run = use(token=token_of_few_rights(client, namespace))
    for command in COMMANDS:
        code, told = run(*command)
        assert code == 3, (command, told)
        assert "is forbidden" in one_message(told) and f"system:serviceaccount:{namespace}:few" in told, command


def test_refused_credentials_and_a_cluster_that_is_not_there(
    use: Callable[..., Callable[..., tuple[int, str]]],
) -> None:
    cases = (
        ({"token": "wrong"}, "refuses the credentials"),
        ({"server": "https://localhost:1"}, "localhost:1 does not answer"),
    )
    for setting, sign in cases:
        run = use(**setting)
        for command in COMMANDS:
            code, told = run(*command)
            assert code == 3 and sign in one_message(told), (command, told)


def test_a_repository_without_a_commit_has_no_records(use: Callable[..., Callable[..., tuple[int, str]]]) -> None:
    code, told = use()("restore", "--repo", ".", "--dry-run")
    assert (code, "has no records of any cluster" in one_message(told)) == (3, True)
