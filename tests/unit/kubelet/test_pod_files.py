"""Volumes, logs and host files on a real folder, and what a container's definition says."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_pod_values import MANIFEST, Objects

from gitsync.sandbox.containers import specs
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images.models import Bind, Image
from gitsync.sandbox.kubelet import podlogs, starting, volumes
from gitsync.sandbox.kubelet.environment import Setting
from gitsync.sandbox.kubelet.podlogs import Wanted
from gitsync.sandbox.kubelet.projections import File
from gitsync.sandbox.kubelet.volumes import VolumeError


def test_files_change_in_one_step_and_vanish_when_they_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    volumes.write(folder, {"a": File(b"1", 0o644), "d/b": File(b"2", 0o755)})
    first = (folder / "..data").resolve()
    assert (folder / "a").read_text() == "1"
    assert (folder / "d" / "b").stat().st_mode & 0o777 == 0o755
    volumes.write(folder, {"a": File(b"1", 0o644), "d/b": File(b"2", 0o755)})
    assert (folder / "..data").resolve() == first
    volumes.write(folder, {"a": File(b"new", 0o644)})
    assert (folder / "a").read_text() == "new"
    assert not (folder / "d").exists()
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("..2")) == ["..data", "a"]


def _setting(*declared: dict[str, Any]) -> Setting:
    manifest = {**MANIFEST, "spec": {"volumes": list(declared)}}
    return Setting(manifest, "10.244.0.5", "10.244.0.1", {}, ())


def _no_claim(name: str) -> str:
    raise VolumeError(f"no claim {name}")


def test_host_paths_are_checked_or_made_as_their_type_says(tmp_path: Path) -> None:
    made = {"name": "m", "hostPath": {"path": str(tmp_path / "made"), "type": "DirectoryOrCreate"}}
    places = volumes.prepare(_setting(made), Objects(), tmp_path / "pod", _no_claim)
    assert places["m"].is_dir()
    absent = {"name": "x", "hostPath": {"path": str(tmp_path / "absent"), "type": "Directory"}}
    with pytest.raises(VolumeError, match="is not a directory"):
        volumes.prepare(_setting(absent), Objects(), tmp_path / "pod", _no_claim)


def test_a_kind_of_volume_that_does_not_exist_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="nfs"):
        volumes.prepare(_setting({"name": "n", "nfs": {}}), Objects(), tmp_path, _no_claim)


def test_mounts_know_sub_paths_and_what_is_read_only(tmp_path: Path) -> None:
    declared = [{"name": "d", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}]
    objects = Objects({"c": {"data": {"k": "v"}}})
    places = volumes.prepare(_setting(*declared), objects, tmp_path, _no_claim)
    container = {
        "volumeMounts": [
            {"name": "d", "mountPath": "/data/", "subPathExpr": "$(POD)/x"},
            {"name": "c", "mountPath": "/conf"},
            {"name": "c", "mountPath": "/one", "subPath": "k"},
        ]
    }
    found = volumes.mounts(container, places, declared, {"POD": "p"})
    assert found[0] == Mount(tmp_path / "d" / "p" / "x", "/data", False)
    assert (found[1].read_only, found[2].read_only) == (True, True)
    assert found[2].source.read_text() == "v"
    with pytest.raises(VolumeError, match="subPath"):
        volumes.mounts({"volumeMounts": [{"name": "c", "mountPath": "/z", "subPath": "none"}]}, places, declared, {})


@pytest.mark.parametrize(("lines", "tail"), [(0, ""), (1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")])
def test_tails_of_logs(tmp_path: Path, lines: int, tail: str) -> None:
    file = tmp_path / "log"
    file.write_text("a\nb\nc\n")
    assert file.read_text()[podlogs.tail_offset(file, lines) :] == tail


def test_a_tail_may_begin_far_before_the_last_block(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("".join(f"{n:09d}\n" for n in range(20_000)))
    assert file.read_text()[podlogs.tail_offset(file, 15_000) :].startswith("000005000\n")


def test_a_log_is_followed_until_its_run_ends(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n")
    left = iter([b"two\n", b"three\n"])

    def growing() -> bool:
        more = next(left, None)
        if more is None:
            return False
        with file.open("ab") as stream:
            stream.write(more)
        return True

    found = b"".join(podlogs.pieces(podlogs.LogFile(file, growing), Wanted(follow=True)))
    assert found == b"one\ntwo\nthree\n"
    limited = b"".join(podlogs.pieces(podlogs.LogFile(file, lambda: False), Wanted(limit=5)))
    assert limited == b"one\nt"


def noted_log(folder: Path) -> Path:
    """Two lines in the first second, half a line in the second, its rest in the third, one more in the fourth."""
    file = folder / "0.log"
    file.write_text("a\nb\nccc\nd\n")
    second = 1_000_000_000
    (folder / "0.times").write_text(f"4 {second}\n6 {2 * second}\n8 {3 * second}\n")
    os.utime(file, ns=(0, 4 * second))
    return file


def read_log(file: Path, **query: str) -> str:
    wanted = podlogs.wanted(query, datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC))
    return b"".join(podlogs.pieces(podlogs.LogFile(file, lambda: False), wanted)).decode()


def test_lines_are_stamped_with_the_time_of_their_end(tmp_path: Path) -> None:
    stamped = read_log(noted_log(tmp_path), timestamps="true", tailLines="3")
    assert stamped == (
        "1970-01-01T00:00:01.000000000Z b\n1970-01-01T00:00:03.000000000Z ccc\n1970-01-01T00:00:04.000000000Z d\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [("9", "a\nb\nccc\nd\n"), ("3", "ccc\nd\n"), ("2", "ccc\nd\n"), ("1", "d\n"), ("0", "")]
)
def test_what_was_written_since(tmp_path: Path, seconds: str, text: str) -> None:
    assert read_log(noted_log(tmp_path), sinceSeconds=seconds) == text


def test_since_a_moment_and_no_more_than_asked(tmp_path: Path) -> None:
    log = noted_log(tmp_path)
    assert read_log(log, sinceTime="1970-01-01T00:00:03.5Z") == "d\n"
    assert read_log(log, sinceSeconds="9", tailLines="1") == "d\n"
    with pytest.raises(ValueError):
        read_log(log, sinceTime="yesterday")


def _image(**fields: Any) -> Image:
    return Image("i", ("/entry",), ("default",), **fields)


@pytest.mark.parametrize(
    ("fields", "argv"),
    [
        ({}, ("/entry", "default")),
        ({"args": ["$(A)"]}, ("/entry", "1")),
        ({"command": ["x"]}, ("x",)),
        ({"command": ["x"], "args": ["y"]}, ("x", "y")),
    ],
)
def test_command_and_arguments(fields: dict[str, Any], argv: tuple[str, ...]) -> None:
    assert starting.command(fields, _image(), {"A": "1"}) == argv


def test_names_inside_a_container(tmp_path: Path) -> None:
    manifest = {
        **MANIFEST,
        "spec": {
            "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}],
            "subdomain": "h",
            "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
        },
    }
    starting.write_names(tmp_path, Setting(manifest, "10.244.0.5", "", {}, ()))
    hosts = (tmp_path / "hosts").read_text()
    assert "10.244.0.5 p.h.n.svc.cluster.local p\n" in hosts
    assert "1.2.3.4 a b\n" in hosts
    resolver = (tmp_path / "resolv.conf").read_text()
    assert "search n.svc.cluster.local svc.cluster.local cluster.local" in resolver
    assert "options ndots:2" in resolver


def test_volumes_come_after_the_image_and_outer_ones_first(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    image = _image(binds=(Bind(Path("/x"), "/opt/a/b"),), scratch=("/opt/a",))
    spec = ContainerSpec(
        image=image,
        argv=("true",),
        environment={"A": "b"},
        folder=tmp_path,
        hostname="h",
        workdir="/",
        uid=1,
        gid=2,
        mounts=(Mount(Path("/in"), "/data/inner", True), Mount(Path("/out"), "/data", False)),
    )
    words = specs.options(spec, 9, 10)
    targets = [words[i + 2] for i, word in enumerate(words) if word in ("--bind", "--ro-bind")]
    assert targets.index("/opt/a") < targets.index("/opt/a/b") < targets.index("/data") < targets.index("/data/inner")
    assert words[1:3] == ("--uid", "1")
    assert "--unshare-net" not in words


def test_running_as_root_is_refused_where_it_is_forbidden(tmp_path: Path) -> None:
    class Store:
        def resolve(self, reference: str) -> Image:
            return _image()

    manifest = {**MANIFEST, "spec": {"securityContext": {"runAsNonRoot": True}}}
    setting = Setting(manifest, "", "", {}, ())
    origin = starting.Origin(setting, Objects(), {}, Store())  # type: ignore[arg-type]
    with pytest.raises(starting.StartError, match="image will run as root") as caught:
        starting.specify({"name": "c", "image": "i"}, origin, tmp_path)
    assert caught.value.reason == "CreateContainerConfigError"
    allowed = {"name": "c", "image": "i", "securityContext": {"runAsUser": 7, "runAsGroup": 8}}
    spec = starting.specify(allowed, origin, tmp_path)
    assert (spec.uid, spec.gid) == (7, 8)
