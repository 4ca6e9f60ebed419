"""The agent's pod is the base of deploy/ and only what belongs to this cluster."""

import hashlib
import hmac
import json
from pathlib import Path

import yaml

from gitsync.sandbox.demo import agents

CHOICES = agents.Choices(Path("/data/git/repository.git"), "apps", "demo", "jobs", "s3cret")


def test_overlay_points_at_the_base_and_mounts_the_repository(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    agents.write_overlay(tmp_path / "demo/agent", tmp_path / "base", CHOICES)
    kustomization = yaml.safe_load((tmp_path / "demo/agent/kustomization.yaml").read_text())
    assert kustomization["resources"] == ["../../base"]
    patch = yaml.safe_load((tmp_path / "demo/agent/deployment.yaml").read_text())
    pod = patch["spec"]["template"]["spec"]
    settings = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert settings["GITSYNC_REPO"] == "/git/repository.git"
    assert settings["GITSYNC_CLUSTER"] == "demo"
    assert pod["volumes"][0]["hostPath"]["path"] == "/data/git"
    assert "s3cret" not in (tmp_path / "demo/agent/deployment.yaml").read_text(), "the secret is a Secret"


def test_pushes_are_signed_over_their_exact_bytes() -> None:
    body, headers = agents.signed_push(CHOICES, "a" * 40)
    assert headers["X-Signature"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["after"] == "a" * 40
