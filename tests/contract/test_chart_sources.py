"""Charts of Helm repositories and OCI registries: which version, what is checked, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chart_servers import ChartServer, chart, packed

from gitsync.charts import places
from gitsync.charts.chartmirrors import ChartMirror
from gitsync.git import trees
from gitsync.git.access import Credentials
from gitsync.model import chartnames
from operator_core.errors import Reason, Retry, Stalled


@pytest.fixture
def server() -> Iterator[ChartServer]:
    with ChartServer() as running:
        yield running


def mirror(base: str, place: Path, name: str = "app", known: Credentials | None = None) -> ChartMirror:
    return ChartMirror(chartnames.text_of(base, name), place, credentials=known, loopback_http=True)


def content(found: ChartMirror, sha: str, path: str) -> str:
    file = trees.listing(found, sha).file(path)
    assert file is not None
    return trees.read(found, [file.blob])[file.blob].decode()


def test_a_range_follows_what_the_repository_has(server: ChartServer, tmp_path: Path) -> None:
    for version in ("1.2.0", "1.10.0", "2.0.0-rc.1"):
        server.publish("app", version, packed("app", chart("app", version)))
    one = mirror(server.url, tmp_path)
    first = one.resolve("1.*")
    assert (first.subject, first.ref) == ("app 1.10.0", "1.*")
    assert "version: 1.10.0" in content(one, first.sha, "Chart.yaml")
    assert [file.path for file in trees.files(one, first.sha, "")] == [
        "Chart.yaml",
        "templates/map.yaml",
        "values.yaml",
    ]
    assert one.resolve("HEAD").sha == first.sha == mirror(server.url, tmp_path / "other").resolve("v1.10.0").sha
    assert one.resolve("1.2.0").subject == "app 1.2.0"
    assert one.resolve(">=2-0").subject == "app 2.0.0-rc.1"
    server.requests.clear()
    assert one.resolve("1.*") == first
    assert server.requests == ["/index.yaml"], "an unchanged repository costs one conditional request"
    server.publish("app", "1.11.0", packed("app", chart("app", "1.11.0")))
    assert one.resolve("1.*").subject == "app 1.11.0"
    assert one.resolve(first.sha).sha == first.sha
    with pytest.raises(
        Stalled, match=r"has no version '3\.\*'; it has 2\.0\.0-rc\.1, 1\.11\.0, 1\.10\.0, 1\.2\.0"
    ) as caught:
        one.resolve("3.*")
    assert caught.value.reason is Reason.RevisionNotFound
    with pytest.raises(Stalled, match="has no chart 'other'; it has app"):
        mirror(server.url, tmp_path, "other").resolve("*")
    with pytest.raises(Stalled, match="records cannot be written to it"):
        one.exchange("push")


def test_a_locked_version_is_asked_for_once_and_kept_as_it_came(server: ChartServer, tmp_path: Path) -> None:
    server.publish("app", "1.2.0", packed("app", chart("app", "1.2.0", "first")))
    locked = chartnames.locked("1.2.0")
    one = mirror(server.url, tmp_path)
    first = one.resolve(locked)
    server.requests.clear()
    server.entries.clear()
    server.publish("app", "1.2.0", packed("app", chart("app", "1.2.0", "published anew")))
    again = mirror(server.url, tmp_path).resolve(locked)
    assert one.resolve(locked) == first == again, "also by another process with the same cache"
    assert server.requests == []
    assert "first" in content(one, first.sha, "values.yaml")
    with pytest.raises(Stalled, match=r"has no version '1\.3\.0'"):
        one.resolve(chartnames.locked("1.3.0"))


def test_a_chart_that_is_not_what_its_index_says(server: ChartServer, tmp_path: Path) -> None:
    server.publish("app", "1.0.0", packed("app", chart("app", "1.0.0")), digest="0" * 64)
    with pytest.raises(Stalled, match=r"app 1\.0\.0 is not what its repository says: the digest") as caught:
        mirror(server.url, tmp_path).resolve("*")
    assert caught.value.reason is Reason.RepositoryRefused


GOOD = chart("app", "1.0.0")


@pytest.mark.parametrize(
    ("archive", "problem"),
    [
        (packed("app", {**GOOD, "=../../etc/passwd": "x"}), r"'\.\./\.\./etc/passwd' leads out of the chart"),
        (packed("app", {**GOOD, "=/etc/passwd": "x"}), "leads out of the chart"),
        (packed("app", {**GOOD, ".git/config": "x"}), "leads out of the chart"),
        (packed("app", GOOD, links={"templates/x": "/etc/passwd"}), "is a link or a device"),
        (packed("app", {"values.yaml": ""}), "it has no Chart.yaml"),
        (b"no archive", "it is no gzipped tar"),
        (packed("app", GOOD)[:80], "it is no gzipped tar"),
        (packed("app", {**GOOD, "big": "x" * (51 * 2**20)}), "more than"),
    ],
)
def test_archives_that_are_refused(server: ChartServer, tmp_path: Path, archive: bytes, problem: str) -> None:
    server.publish("app", "1.0.0", archive)
    with pytest.raises(Stalled, match=problem):
        mirror(server.url, tmp_path).resolve("*")


def test_credentials_faults_and_elsewhere(server: ChartServer, tmp_path: Path) -> None:
    server.publish("app", "1.0.0", packed("app", chart("app", "1.0.0")))
    server.password = "s3cret"
    with pytest.raises(Retry, match="it refused the credentials"):
        mirror(server.url, tmp_path).resolve("*")
    known = Credentials("robot", "s3cret")
    assert mirror(server.url, tmp_path, known=known).resolve("*").subject == "app 1.0.0"
    server.status, server.headers = 429, {"Retry-After": "17"}
    with pytest.raises(Retry, match="asks to come back later, in 17 seconds") as caught:
        mirror(server.url, tmp_path, known=known).resolve("*")
    assert caught.value.after == 17
    with ChartServer() as other:
        server.status, server.headers = 302, {"Location": f"{other.url}/index.yaml"}
        other.password = "x"
        with pytest.raises(Retry, match="it refused the credentials"):
            mirror(server.url, tmp_path, known=known).resolve("*")
    with pytest.raises(Retry, match="cannot read"):
        mirror("http://127.0.0.1:1", tmp_path).resolve("*")


def test_a_registry_with_tokens(server: ChartServer, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0+build.5"):
        server.push("app", version, packed("app", chart("app", version)))
    server.password = "s3cret"
    one = mirror(server.oci, tmp_path, known=Credentials("robot", "s3cret"))
    found = one.resolve("1.*")
    assert found.subject == "app 1.1.0+build.5"
    assert "version: 1.1.0+build.5" in content(one, found.sha, "Chart.yaml")
    with pytest.raises(Retry, match="it refused the credentials"):
        mirror(server.oci, tmp_path).resolve("*")
    digest = next(iter(server.blobs))
    server.blobs[digest] = b"something else"
    with pytest.raises(Stalled, match="the digest of the archive is another"):
        one.resolve("1.0.0")


@pytest.mark.parametrize(
    ("base", "name", "problem"),
    [
        ("http://example.org", "app", "http is not encrypted"),
        ("file:///etc", "app", "it names no host"),
        ("ftp://example.org", "app", r"a chart comes from https://"),
        ("https://bob:pw@example.org", "app", "credentials belong in a Secret"),
        ("https://example.org", "../app", "no chart can have the name"),
        ("https://example.org", "-app", "no chart can have the name"),
        ("https://example.org/?a=b", "app", "holds blanks"),
    ],
)
def test_places_that_are_refused(base: str, name: str, problem: str) -> None:
    with pytest.raises(Stalled, match=problem) as caught:
        places.parse(chartnames.text_of(base, name))
    assert "pw" not in caught.value.message
