import io
import multiprocessing
import multiprocessing.synchronize
import subprocess
from pathlib import Path

import pytest

from gitsync.sandbox import building, caches, errors, packages, toolchains
from gitsync.sandbox.progress import Progress


def _no_progress() -> Progress:
    return Progress(io.StringIO(), terminal=False)


@pytest.mark.parametrize(
    ("environment", "usable"),
    [
        ("go1.26.0\nauto\n", True),
        ("go1.27.3\nlocal\n", True),
        ("go1.21.13\nauto\n", True),
        ("go1.25.4\nlocal\n", False),
        ("go1.20.1\nauto\n", False),
        ("go1.20.1\n\n", False),
        ("", False),
    ],
)
def test_go_is_new_enough_or_switches_by_itself(environment: str, usable: bool) -> None:
    assert toolchains.is_go_usable(environment) is usable


@pytest.mark.parametrize(
    ("release", "number"),
    [('JAVA_VERSION="17.0.15"\n', 17), ('A="1"\nJAVA_VERSION="1.8.0_402"', 8), ('JAVA_VERSION="21"', 21), ("", None)],
)
def test_java_release_file(release: str, number: int | None) -> None:
    assert toolchains.java_release(release) == number


def test_java_home_with_an_accepted_release_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").touch()
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert toolchains.find_java(_no_progress()) == tmp_path


def test_key_follows_sources_and_go() -> None:
    base = building.cache_key({"main.go": b"a", "go.mod": b"b"}, "go1.26.0")
    assert base == building.cache_key({"go.mod": b"b", "main.go": b"a"}, "go1.26.0")
    others = {
        building.cache_key({"main.go": b"a", "go.mod": b"b"}, "go1.26.1"),
        building.cache_key({"main.go": b"ab", "go.mod": b""}, "go1.26.0"),
        building.cache_key({"main.go": b"A", "go.mod": b"b"}, "go1.26.0"),
    }
    assert len(others | {base}) == 4


def test_version_and_link_flags() -> None:
    version = building.version_in("module x\n\nrequire (\n\tk8s.io/kubectl v0.36.3\n\tk8s.io/kubernetes v1.36.3\n)\n")
    assert version == "v1.36.3"
    flags = building.link_flags(version)
    assert "version.gitVersion=v1.36.3 " in flags
    assert "version.gitMinor=36 " in flags


def test_the_program_pins_every_staging_module_to_its_release() -> None:
    text = (building.SOURCES / "go.mod").read_text(encoding="utf-8")
    staging = "v0." + building.version_in(text).removeprefix("v1.")
    pins = [line.split() for line in text.splitlines() if " => k8s.io/" in line]
    assert len(pins) > 25
    assert all(line[0] == line[2] and line[3] == staging for line in pins)


def test_go_mod_without_kubernetes_is_an_error() -> None:
    with pytest.raises(errors.SandboxError, match=r"requires no k8s\.io/kubernetes"):
        building.version_in("module x\n")


@pytest.mark.parametrize(
    ("script", "problem"), [("echo one >&2", ""), ("echo one >&2; echo two >&2; exit 3", "one / two")]
)
def test_a_tool_is_followed_to_its_end_and_leaves_nothing_open(script: str, problem: str) -> None:
    process = subprocess.Popen(["sh", "-c", script], stderr=subprocess.PIPE, text=True)
    shown: list[str] = []
    assert building.follow(process, shown.append) == problem
    assert shown[0] == "one"
    assert process.stderr is not None and process.stderr.closed


def test_missing_packages_are_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "search_path", lambda: "/nonexistent")
    assert packages.missing({"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}) == [
        "iproute2",
        "util-linux",
    ]


def test_without_root_the_packages_to_install_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "search_path", lambda: "/nonexistent")
    with pytest.raises(errors.SandboxError, match="sudo apt-get install bubblewrap iproute2 mount nftables util-linux"):
        packages.ensure(True, _no_progress())


def test_search_path_adds_the_system_folders_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/opt/x:/usr/bin")
    parts = packages.search_path().split(":")
    assert parts[:2] == ["/opt/x", "/usr/bin"]
    assert parts.count("/usr/bin") == 1
    assert "/usr/sbin" in parts


def test_cache_honours_xdg_and_ignores_relative_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert caches.cache_dir() == tmp_path / "xdg/gitsync"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert caches.cache_dir() == tmp_path / "home/.cache/gitsync"


def test_replacing_shows_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    (tmp_path / ".thing.left_by_a_killed_one").mkdir()
    with pytest.raises(RuntimeError), caches.replacing(target) as scratch:
        (scratch / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    for content in ("one", "two"):
        with caches.replacing(target) as scratch:
            (scratch / content).touch()
            assert not (target / content).exists()
    assert [path.name for path in target.iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def _take(barrier: multiprocessing.synchronize.Barrier, entered: multiprocessing.synchronize.Event) -> None:
    barrier.wait(30)
    with caches.locked("part"):
        entered.set()


def test_lock_keeps_another_builder_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    context = multiprocessing.get_context("spawn")
    barrier, entered = context.Barrier(2), context.Event()
    with caches.locked("part"):
        other = context.Process(target=_take, args=(barrier, entered))
        other.start()
        barrier.wait(30)
        assert not entered.wait(0.3)
        assert caches.is_locked("part")
    assert entered.wait(30)
    other.join(30)
    assert other.exitcode == 0
    assert not caches.is_locked("part")
    other.close()
