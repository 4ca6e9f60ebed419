"""A sandbox of the programs that Kubernetes and etcd themselves release, instead of the one that is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.sandbox import building, toolchains
from gitsync.sandbox.progress import Progress

pytestmark = pytest.mark.full
ETCD = "go.etcd.io/etcd/server/v3"
DEADLINE_S = 90.0


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four programs, built from their own main packages."""
    folder, scratch = tmp_path_factory.mktemp("assets"), tmp_path_factory.mktemp("etcd")
    go = str(toolchains.find_go(Progress()))
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-modcacherw", "GOWORK": "off"}
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", building.link_flags(building.kubernetes_version())]

    def build(where: Path, name: str, package: str) -> None:
        command = [go, "build", *flags, "-o", str(folder / name), package]
        subprocess.run(command, cwd=where, env=environment, check=True)

    for name in ("kube-apiserver", "kube-controller-manager", "kubectl"):
        build(building.SOURCES, name, f"k8s.io/kubernetes/cmd/{name}")
    release = subprocess.check_output(
        [go, "list", "-m", "-f", "{{.Version}}", ETCD], cwd=building.SOURCES, env=environment, text=True
    ).strip()
    (scratch / "go.mod").write_text("module scratch\n")
    subprocess.run([go, "get", f"{ETCD}@{release}"], cwd=scratch, env=environment, check=True)
    build(scratch, "etcd", ETCD)
    return folder


@pytest.fixture
def sandbox(assets: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandbox"
    yield folder
    gitsync("reset", "--dir", str(folder))


def gitsync(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pods_run_under_programs_that_were_there(assets: Path, sandbox: Path) -> None:
    place = ("--dir", str(sandbox))
    gitsync("up", *place, KUBEBUILDER_ASSETS=str(assets))
    document = json.loads(gitsync("status", *place, "-o", "json"))
    assert (document["state"], document["version"]) == ("running", building.kubernetes_version())
    for part in ("etcd", "kube-apiserver", "kube-controller-manager"):
        assert os.readlink(f"/proc/{document['pids'][part]}/exe") == str(assets / part)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "gitsync:x", "command": ["sleep", "600"]}]},
    }
    manifest = sandbox / "pod.json"
    manifest.write_text(json.dumps(pod))
    gitsync("kubectl", *place, "create", "-f", str(manifest))
    gitsync("kubectl", *place, "wait", "--for=condition=Ready", "pod/p", "--timeout=60s")
    assert gitsync("kubectl", *place, "exec", "p", "--", "kubectl", "version", "--client").startswith("Client Version")
    killed = document["pids"]["relay"]
    os.kill(killed, 9)
    deadline = time.monotonic() + DEADLINE_S

    def is_mended() -> bool:
        now = json.loads(gitsync("status", *place, "-o", "json"))
        return now["state"] == "running" and now["pids"].get("relay", killed) != killed

    while not is_mended():
        assert time.monotonic() < deadline, "the relay is not started again"
    gitsync("down", *place)


def test_a_refused_folder_is_noted_and_the_sandbox_is_built(assets: Path, sandbox: Path, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    partial.mkdir()
    shutil.copy(assets / "etcd", partial)
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "up", "--no-kubelet", "--dir", str(sandbox)]
    environment = os.environ | {"KUBEBUILDER_ASSETS": str(partial)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "KUBEBUILDER_ASSETS is not used: no kube-apiserver" in done.stderr
