"""Which control plane programs that are there already are used, and how they are run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitsync.sandbox import components, layout, prebuilt
from gitsync.sandbox.layout import Layout

SAID = {
    "etcd": "etcd Version: 3.6.8\nGit SHA: abc",
    "kube-apiserver": "Kubernetes v1.36.1",
    "kube-controller-manager": "Kubernetes v1.36.9",
    "kubectl": "Client Version: v1.36.0\nKustomize Version: v5.7.1",
}


def programs(folder: Path, **changed: str) -> Path:
    """Programs that say their version; None of them runs anything."""
    folder.mkdir(exist_ok=True)
    for name, said in {**SAID, **{key.replace("_", "-"): text for key, text in changed.items()}}.items():
        if said:
            (folder / name).write_text(f"#!/bin/sh\ncat <<'end'\n{said}\nend\n")
            (folder / name).chmod(0o755)
    return folder


def test_a_complete_folder_of_the_same_minor_release_is_used(tmp_path: Path) -> None:
    found = prebuilt.search(str(programs(tmp_path)), "", "v1.36.3")
    assert found.missing == ""
    assert found.programs == {name: tmp_path / name for name in SAID}


def test_what_the_folder_lacks_is_taken_from_path(tmp_path: Path) -> None:
    assets = programs(tmp_path / "assets", kube_controller_manager="")
    path = programs(tmp_path / "path")
    found = prebuilt.search(str(assets), f"{path}:/usr/bin:/bin", "v1.36.3")
    assert found.missing == ""
    assert found.programs["kube-controller-manager"] == path / "kube-controller-manager"
    assert found.programs["etcd"] == assets / "etcd"
    assert prebuilt.search("", f"{path}:/usr/bin:/bin", "v1.36.3").missing == ""


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"kube_controller_manager": ""}, "no kube-controller-manager there or on PATH"),
        ({"kube_apiserver": "Kubernetes v1.35.2"}, "kube-apiserver is not of Kubernetes v1.36"),
        ({"kubectl": "Client Version: v1.20.2"}, "kubectl is not of Kubernetes v1.36"),
        ({"kubectl": "no version"}, "kubectl is not of Kubernetes v1.36"),
        ({"etcd": "etcd Version: 3.4.23"}, "etcd is not etcd 3.5 or newer"),
    ],
)
def test_a_refused_folder_is_explained(tmp_path: Path, changed: dict[str, str], problem: str) -> None:
    assert problem in prebuilt.search(str(programs(tmp_path, **changed)), "", "v1.36.3").missing


def test_a_servers_own_listener_is_left_to_a_relay() -> None:
    etcd, server, relay, controllers = prebuilt.control_plane(Layout(Path("/s")))
    assert [part.name for part in (etcd, server, relay, controllers)] == [
        layout.ETCD,
        layout.API_SERVER,
        layout.RELAY,
        layout.CONTROLLER_MANAGER,
    ]
    assert (server.outside, relay.outside) == (False, True)
    built = components.api_server(Layout(Path("/s")))
    assert set(built.argv) - set(server.argv) == {f"--outside-fd={components.OUTSIDE_FD}"}


def test_certificates_name_the_server_and_last(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    prebuilt.write_certificates(place)
    verify = ["openssl", "verify", "-x509_strict", "-CAfile", str(place.authority), "-verify_hostname"]
    for name in components.SERVER_NAMES:
        subprocess.run([*verify, name, str(place.authority)], check=True, capture_output=True)
    assert {file.name for file in place.certs.iterdir()} == {"apiserver.crt", "apiserver.key", "sa.key"}
    assert (place.certs / "apiserver.key").stat().st_mode & 0o077 == 0
    before = place.authority.read_bytes()
    prebuilt.write_certificates(place)
    assert place.authority.read_bytes() == before
