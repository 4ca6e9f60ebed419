"""Pods without namespaces: what is rewritten, what is laid out where, who may have a port, which names a JVM knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.sandbox import isolation
from gitsync.sandbox.containers import plainroots
from gitsync.sandbox.containers.plainroots import Impossible, Paths
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images.models import Bind, Image
from gitsync.sandbox.kubelet import plainrules
from gitsync.sandbox.kubelet.plainrules import Claim
from operator_core.jsonvalues import Object

PATHS = Paths({"/opt/flink": "/s/root/opt/flink", "/opt/flink/conf": "/s/conf", "/data": "/v/data"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local:///opt/flink/usrlib/job.jar", "local:///s/root/opt/flink/usrlib/job.jar"),
        ("-Dx=file:/opt/flink/conf/log4j", "-Dx=file:/s/conf/log4j"),
        ("/opt/flink/bin:/usr/bin:/opt/flink", "/s/root/opt/flink/bin:/usr/bin:/s/root/opt/flink"),
        ("dir: file:///data/x", "dir: file:///v/data/x"),
        ("/home/data /database /data-2 /my/data", "/home/data /database /data-2 /my/data"),
        ("http://host/data", "http://host/data"),
        ("/x/pods/u-1/containers/main/0/root/opt/flink/conf", "/s/conf"),
        ("10.244.0.5:6123, 10.96.3.4", "127.244.0.5:6123, 127.96.3.4"),
        ("10.245.0.5 110.244.0.5 10.244.0.5.6", "10.245.0.5 110.244.0.5 10.244.0.5.6"),
    ],
)
def test_paths_and_addresses_are_rewritten_where_they_are_whole(text: str, expected: str) -> None:
    assert PATHS.rewrite(text) == expected
    assert PATHS.rewrite(expected) == expected


def spec(tmp_path: Path, *mounts: Mount, binds: tuple[Bind, ...] = ()) -> ContainerSpec:
    folder = tmp_path / "pods" / "uid" / "containers" / "c" / "0"
    folder.mkdir(parents=True)
    image = Image("app", ("/app/run",), binds=binds)
    return ContainerSpec(image, ("/app/run", "/own/x"), {"AT": "/app"}, folder, "h", "/", 1, 1, mounts)


def test_a_mount_below_a_folder_of_the_image_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    source, volume = tmp_path / "image", tmp_path / "pods" / "uid" / "volumes" / "v"
    for folder in (source, volume):
        folder.mkdir(parents=True)
    (source / "run").write_text("program")
    asked = spec(
        tmp_path, Mount(volume, "/app/more", False), Mount(volume, "/own", False), binds=(Bind(source, "/app"),)
    )
    changed, _ = plainroots.build(asked)
    root = asked.folder / "root"
    assert changed.argv == (f"{root}/app/run", f"{volume}/x") and changed.environment == {"AT": f"{root}/app"}
    assert (root / "app/run").read_text() == "program" and (root / "app/more").resolve() == volume
    assert [entry.name for entry in source.iterdir()] == ["run"], "the image itself is not changed"


@pytest.mark.parametrize("target", ["/etc/x", "/tmp", "/usr/share/x"])
def test_a_mount_over_a_system_folder_is_impossible(tmp_path: Path, target: str) -> None:
    volume = tmp_path / "pods" / "uid" / "volumes" / "v"
    with pytest.raises(Impossible, match=f"the mount at {target} needs a mount namespace"):
        plainroots.build(spec(tmp_path, Mount(volume, target, False)))


def test_a_folder_of_the_machine_stays_at_its_own_path(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    plainroots.build(spec(tmp_path, Mount(data, str(data), False)))
    with pytest.raises(Impossible, match="mount it at its own path"):
        plainroots.build(spec(tmp_path / "other", Mount(data, "/data", False)))


def test_an_image_with_system_files_is_impossible(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="the image has /usr/bin/x"):
        plainroots.build(spec(tmp_path, binds=(Bind(tmp_path, "/usr/bin/x"),)))


def pod(name: str, *ports: int, **fields: object) -> Object:
    container = {"name": "c", "ports": [{"containerPort": port} for port in ports]}
    return {"metadata": {"namespace": "jobs", "name": name}, "spec": {"containers": [container], **fields}}


@pytest.mark.parametrize(
    ("flink", "other_flink", "ports", "refused"),
    [
        (True, True, (8081,), False),
        (True, False, (8081,), True),
        (False, True, (8081,), True),
        (False, False, (1,), False),
    ],
)
def test_only_flink_shares_ports(flink: bool, other_flink: bool, ports: tuple[int, ...], refused: bool) -> None:
    asked = pod("new", *ports)
    other = Claim("jobs/old", frozenset({8081}), other_flink)
    problem = plainrules.refusal(asked, plainrules.claim_of(asked, own_address=flink), [other])
    assert (problem is not None) is refused
    assert not problem or problem.startswith("port 8081 is taken by pod jobs/old: ")


def test_the_network_of_a_node_is_refused() -> None:
    asked = pod("new", hostNetwork=True)
    assert "hostNetwork" in (plainrules.refusal(asked, plainrules.claim_of(asked, own_address=True), []) or "")


def test_a_jvm_knows_itself_and_every_service() -> None:
    services = [
        {"metadata": {"namespace": "jobs", "name": "rest"}, "spec": {"clusterIP": "10.96.0.7"}},
        {"metadata": {"namespace": "jobs", "name": "rpc"}, "spec": {"clusterIP": "None"}},
        {"metadata": {"namespace": "far", "name": "away"}, "spec": {"clusterIP": "10.96.0.9"}},
    ]
    owner = {"namespace": "jobs", "labels": {"kubernetes.io/service-name": "rpc"}}
    slices = [{"metadata": owner, "addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.5"]}]}]
    first, *others = plainrules.hosts(pod("jm"), "10.244.0.5", services, slices).splitlines()
    assert first.startswith("127.244.0.5 jm localhost ")
    assert others == [
        "127.96.0.7 rest.jobs.svc.cluster.local rest.jobs.svc rest.jobs rest",
        "127.244.0.5 rpc.jobs.svc.cluster.local rpc.jobs.svc rpc.jobs rpc",
        "127.96.0.9 away.far.svc.cluster.local away.far.svc away.far",
    ]


def test_isolation_is_named_once_and_found_again() -> None:
    assert isolation.named("none").limits and not isolation.named("namespaces").limits
    assert isolation.named("none").real("10.244.0.1") == "127.244.0.1"
    assert isolation.named("namespaces").real("10.244.0.1") == "10.244.0.1"
