"""Listing a job's states on a real S3 server: what is found, what is asked, what each failure says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import s3servers
from s3servers import ACCESS, SECRET, S3Server

from operator_core.conf import s3options
from operator_core.conf.s3options import Keys, S3Settings
from operator_core.decide.statestores import StorePlace
from operator_core.stores import looking
from operator_core.stores.errors import StoreError

pytestmark = pytest.mark.full
JOB = "0123456789abcdef0123456789abcdef"
CHECKPOINTS = StorePlace("s3", "states", f"cp/{JOB}", "chk-")
SAVEPOINTS = StorePlace("s3a", "states", "sp", "savepoint-012345-")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3servers.running(tmp_path_factory.mktemp("s3")) as made:
        made.bucket(
            "states",
            f"cp/{JOB}/chk-7/_metadata",
            f"cp/{JOB}/chk-7/a-state-file",
            f"cp/{JOB}/chk-8/a-state-file",
            f"cp/{JOB}/shared/chk-9",
            "cp/ffffffffffffffffffffffffffffffff/chk-9/_metadata",
            "sp/savepoint-012345-aaaaaaaaaaaa/_metadata",
            "sp/savepoint-012345-bbbbbbbbbbbb/no_metadata",
            "sp/savepoint-ffffff-cccccccccccc/_metadata",
            "sp/savepoint-ffffff-dddddddddddd/_metadata",
        )
        yield made


@pytest.fixture
def settings(server: S3Server) -> S3Settings:
    return s3options.settings({**server.conf, "s3.access-key": ACCESS, "s3.secret-key": SECRET})


def test_complete_states_of_the_job_are_found(settings: S3Settings, server: S3Server) -> None:
    recorded = replace(SAVEPOINTS, known=("sp/savepoint-ffffff-cccccccccccc", "sp/gone"))
    found = dict(looking.states(settings, (CHECKPOINTS, recorded)))
    assert set(found) == {
        f"s3://states/cp/{JOB}/chk-7",
        "s3a://states/sp/savepoint-012345-aaaaaaaaaaaa",
        "s3a://states/sp/savepoint-ffffff-cccccccccccc",
    }
    written = server.client().stat_object("states", f"cp/{JOB}/chk-7/_metadata").last_modified
    assert written is not None and abs(found[f"s3://states/cp/{JOB}/chk-7"] - written.timestamp() * 1000) < 1000


def test_a_large_bucket_costs_little(settings: S3Settings, server: S3Server) -> None:
    """One request for the folders, one for each of them, however much lies in and beside them."""
    job = server.data / "large" / "cp" / JOB
    for folder in ("chk-1", "chk-2", "shared", "../other/chk-1"):
        (job / folder).mkdir(parents=True)
        for number in range(1500):
            (job / folder / f"{number}").touch()
        (job / folder / "_metadata").touch()
    before = server.requests()
    assert len(looking.states(settings, (replace(CHECKPOINTS, bucket="large"),))) == 2
    assert server.requests() - before == 3


def test_folders_come_in_pages(settings: S3Settings, server: S3Server) -> None:
    job = server.data / "pages" / "cp" / JOB
    for number in range(looking.MOST + 1):
        (job / f"chk-{number}").mkdir(parents=True)
        (job / f"chk-{number}" / "_metadata").touch()
    with pytest.raises(StoreError, match="holds more than 1000"):
        looking.states(settings, (replace(CHECKPOINTS, bucket="pages"),))


def test_an_empty_directory_holds_nothing(settings: S3Settings) -> None:
    assert looking.states(settings, (replace(CHECKPOINTS, directory="nothing/here"),)) == ()


def test_accounts_that_may_not_list(settings: S3Settings, server: S3Server) -> None:
    server.account("stranger", "another secret")
    stranger = replace(settings, keys=Keys("stranger", "another secret"))
    with pytest.raises(StoreError, match=r"bucket states at http://127.*access is denied.*s3:ListBucket"):
        looking.states(stranger, (CHECKPOINTS,))


@pytest.mark.parametrize(
    ("keys", "bucket", "expected"),
    [
        (Keys("nobody", "x" * 40), "states", "the access key is not known there"),
        (Keys(ACCESS, "x" * 40), "states", "the secret key does not fit the access key"),
        (Keys(ACCESS, SECRET), "no-such-bucket", "bucket no-such-bucket at .* there is no such bucket"),
        (Keys(ACCESS, SECRET), "Not_A_Bucket!", "check the names"),
    ],
)
def test_what_is_wrong_is_said(settings: S3Settings, keys: Keys, bucket: str, expected: str) -> None:
    with pytest.raises(StoreError, match=expected) as told:
        looking.states(replace(settings, keys=keys), (replace(CHECKPOINTS, bucket=bucket),))
    assert keys.secret not in told.value.message


def test_another_region_is_said_to_be_one(settings: S3Settings) -> None:
    with pytest.raises(StoreError, match=r"in another region; set s3.endpoint.region"):
        looking.states(replace(settings, region="eu-west-1"), (CHECKPOINTS,))


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:1", "cannot be reached: nothing listens there"),
        ("http://no-such-host.invalid", "cannot be reached: its name cannot be resolved"),
        ("ftp://127.0.0.1", "s3.endpoint is no URL of a host"),
        ("http://127.0.0.1/path", "s3.endpoint is no URL of a host"),
    ],
)
def test_endpoints_that_are_none(settings: S3Settings, endpoint: str, expected: str) -> None:
    with pytest.raises(StoreError, match=expected):
        looking.states(replace(settings, endpoint=endpoint), (CHECKPOINTS,))


def test_https_where_http_is_spoken(settings: S3Settings, server: S3Server) -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        looking.states(replace(settings, endpoint=f"https://127.0.0.1:{server.port}"), (CHECKPOINTS,))


def test_the_agents_own_credentials(settings: S3Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert looking.states(replace(settings, keys=None), (CHECKPOINTS,)) != ()


def test_no_credentials_at_all(settings: S3Settings, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """The last thing that is asked is the machine; here it is a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/")
    with pytest.raises(StoreError, match="there are no credentials"):
        looking.states(replace(settings, keys=None), (CHECKPOINTS,))
