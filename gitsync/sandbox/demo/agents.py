"""Puts the agent into the sandbox as a pod, from the manifests that a user applies, and tells it of pushes.

Only what belongs to this one cluster is laid over `deploy/kustomize/base`: which repository, the secret of its push
notifications, and the volume that the repository lies on. Its permissions are those of the base.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from gitsync.sandbox import errors
from gitsync.sandbox.layout import Layout
from operator_core.jsonvalues import Object

NAMESPACE = "gitsync-system"
NAME = "gitsync"
CONTAINER = "gitsync"
WEBHOOK_PORT = 8080
MOUNTED_AT = "/git"
SECRET_NAME = "gitsync-webhook"
SECRET_KEY = "secret"
SECRET_AT = "/etc/gitsync/webhook"


@dataclass(frozen=True, slots=True)
class Choices:
    """What this agent is told: the folder with the bare repository, and the names."""

    repository: Path
    path: str
    cluster: str
    destination_namespace: str
    webhook_secret: str


def write_overlay(folder: Path, base: Path, choices: Choices) -> None:
    """A kustomization in `folder` over `base`."""
    folder.mkdir(parents=True, exist_ok=True)
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(base.resolve(), folder.resolve())],
        "secretGenerator": [
            {
                "name": SECRET_NAME,
                "namespace": NAMESPACE,
                "literals": [f"{SECRET_KEY}={choices.webhook_secret}"],
                "options": {"disableNameSuffixHash": True},
            }
        ],
        "patches": [{"path": "deployment.yaml"}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, sort_keys=False), encoding="utf-8")
    (folder / "deployment.yaml").write_text(yaml.safe_dump(_patch(choices), sort_keys=False), encoding="utf-8")


def _patch(choices: Choices) -> Object:
    settings = {
        "GITSYNC_REPO": f"{MOUNTED_AT}/{choices.repository.name}",
        "GITSYNC_REVISION": "main",
        "GITSYNC_PATH": choices.path,
        "GITSYNC_CLUSTER": choices.cluster,
        "GITSYNC_DESTINATION_NAMESPACE": choices.destination_namespace,
        "GITSYNC_WEBHOOK_PORT": str(WEBHOOK_PORT),
        "GITSYNC_WEBHOOK_SECRET_FILE": f"{SECRET_AT}/{SECRET_KEY}",
    }
    container: Object = {
        "name": CONTAINER,
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "volumeMounts": [
            {"name": "git", "mountPath": MOUNTED_AT},
            {"name": "webhook", "mountPath": SECRET_AT, "readOnly": True},
        ],
    }
    volumes: list[Object] = [
        {"name": "git", "hostPath": {"path": str(choices.repository.parent), "type": "Directory"}},
        {"name": "webhook", "secret": {"secretName": SECRET_NAME}},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"containers": [container], "volumes": volumes}}},
    }


def kubectl(layout: Layout, *arguments: str) -> str:
    """Run the sandbox's own kubectl. Raises SandboxError with its words."""
    environment = os.environ | {"KUBECONFIG": str(layout.kubeconfig), "KUBECACHEDIR": str(layout.dir / "kubectl-cache")}
    command = [str(layout.bin / "kubectl"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise errors.SandboxError(f"`kubectl {' '.join(arguments)}`: {done.stderr.strip()}")
    return done.stdout


def signed_push(choices: Choices, sha: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a generic push notification, signed with the shared secret."""
    content = {"repository": f"{MOUNTED_AT}/{choices.repository.name}", "ref": "refs/heads/main", "after": sha}
    body = json.dumps(content).encode()
    digest = hmac.new(choices.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Signature": f"sha256={digest}", "Content-Type": "application/json"}


def notify(port: int, choices: Choices, sha: str) -> None:
    """Tell the agent behind the local port of a push, as a Git server does. Raises SandboxError when it refuses."""
    body, headers = signed_push(choices, sha)
    try:
        answer = httpx.post(
            f"http://localhost:{port}/hooks/generic", content=body, headers=headers, timeout=10, trust_env=False
        )
    except httpx.HTTPError as error:
        raise errors.SandboxError(f"the agent's webhook does not answer: {error}") from error
    if answer.is_error:
        raise errors.SandboxError(
            f"the agent's webhook refused the notification: {answer.status_code} {answer.text[:200]}"
        )
