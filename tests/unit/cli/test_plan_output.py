"""`gitsync plan` in its forms: every job with its effect, its downtime and why."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitsync.cli import main

JOB: dict[str, Any] = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "orders", "namespace": "jobs"},
    "spec": {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "serviceAccount": "flink",
        "flinkConfiguration": {"state.savepoints.dir": "file:///s", "state.checkpoints.dir": "file:///c"},
        "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "job": {"jarURI": "local:///x.jar", "parallelism": 1, "upgradeMode": "savepoint"},
    },
}
SESSION: dict[str, Any] = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkSessionJob",
    "metadata": {"name": "clicks", "namespace": "jobs"},
    "spec": {
        "deploymentName": "shared",
        "job": {"jarURI": "https://example.org/a.jar", "parallelism": 1, "upgradeMode": "stateless"},
    },
}


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.email=dev@example.org", "-c", "user.name=Dev")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def with_job(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**body, "spec": {**body["spec"], "job": {**body["spec"]["job"], **changes}}}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits: the second changes both jobs and suspends a third."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    third = {**JOB, "metadata": {"name": "third", "namespace": "jobs"}}
    for message, bodies in (
        ("first", (JOB, SESSION, third)),
        (
            "second",
            (with_job(JOB, parallelism=2), with_job(SESSION, parallelism=2), with_job(third, state="suspended")),
        ),
    ):
        (folder / "all.yaml").write_text(yaml.safe_dump_all(bodies))
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", message)
    return folder


Plan = Callable[[str], str]


@pytest.fixture
def plan(repository: Path, capsys: pytest.CaptureFixture[str]) -> Plan:
    """What `gitsync plan` prints in a form."""

    def printed(output: str) -> str:
        assert main.run(("plan", "--repo", str(repository), "-o", output)) == 1
        return capsys.readouterr().out

    return printed


def test_the_table_has_a_downtime_for_every_job(plan: Plan) -> None:
    lines = [" ".join(line.split()) for line in plan("table").splitlines()]
    assert "JOB EFFECT DOWNTIME WHY" in lines
    assert any(
        line.startswith("FlinkDeployment jobs/orders upgrade-savepoint savepoint stopped with a savepoint")
        and line.endswith("its JobManager and TaskManagers start anew")
        for line in lines
    )
    assert any(line.startswith("FlinkDeployment jobs/third suspend until-resumed ") for line in lines)
    assert any(
        line.startswith("FlinkSessionJob jobs/clicks restart-stateless restart ") and line.endswith("which stays up")
        for line in lines
    )


def test_programs_get_class_and_reason(plan: Plan) -> None:
    document = yaml.safe_load(plan("json"))
    told = {row["name"]: row["downtime"]["class"] for row in document["changes"]}
    assert told == {"orders": "savepoint", "third": "until-resumed", "clicks": "restart"}
    assert all(row["downtime"]["reason"] for row in document["changes"])


def test_markdown_has_the_same_for_a_pull_request(plan: Plan) -> None:
    text = plan("markdown")
    assert "| job | effect | downtime | why |" in text
    assert "| FlinkDeployment jobs/orders | **upgrade-savepoint** | **savepoint** | stopped with a savepoint" in text
