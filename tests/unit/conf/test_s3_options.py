"""How S3 settings are read from a job's configuration, whichever plugin its keys are meant for."""

import pytest

from operator_core.conf import s3options
from operator_core.conf.s3options import Keys, S3Settings


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        pytest.param({}, S3Settings(), id="nothing"),
        pytest.param({"s3.endpoint": "https://s3.example.org/"}, S3Settings("https://s3.example.org"), id="a URL"),
        pytest.param({"s3.endpoint": "minio:9000"}, S3Settings("https://minio:9000"), id="a host"),
        pytest.param(
            {"s3.endpoint": "minio:9000", "presto.s3.ssl.enabled": "false"},
            S3Settings("http://minio:9000"),
            id="presto",
        ),
        pytest.param(
            {"fs.s3a.endpoint": "minio:9000", "fs.s3a.connection.ssl.enabled": "FALSE"},
            S3Settings("http://minio:9000"),
            id="hadoop",
        ),
        pytest.param({"s3.path-style-access": "true"}, S3Settings(path_style=True), id="hyphens"),
        pytest.param({"s3.path.style.access": "false"}, S3Settings(path_style=False), id="dots"),
        pytest.param({"s3.endpoint.region": "eu-west-1"}, S3Settings(region="eu-west-1"), id="region"),
        pytest.param({"s3.access-key": "a", "s3.secret-key": "b"}, S3Settings(keys=Keys("a", "b")), id="keys"),
        pytest.param(
            {"s3a.access.key": "a", "s3.secret.key": "b", "fs.s3a.session.token": "t"},
            S3Settings(keys=Keys("a", "b", "t")),
            id="keys of several spellings",
        ),
        pytest.param({"s3.access-key": "a"}, S3Settings(), id="one key alone is none"),
    ],
)
def test_settings(conf: dict[str, str], expected: S3Settings) -> None:
    assert s3options.settings(conf) == expected


def test_keys_are_never_shown() -> None:
    shown = repr(
        s3options.settings({"s3.access-key": "AKIAEXAMPLE", "s3.secret-key": "hidden", "s3.session-token": "t0"})
    )
    assert "AKIAEXAMPLE" not in shown and "hidden" not in shown and "t0" not in shown


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, True),
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn", True),
        ("https://s3.amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
        ("https://amazonaws.com@example.org", False),
    ],
)
def test_what_belongs_to_aws(endpoint: str | None, expected: bool) -> None:
    assert s3options.is_of_aws(endpoint) is expected


def test_metadata_lies_where_the_entropy_marker_is_left_out() -> None:
    conf = {"s3.entropy.key": "_entropy_"}
    assert s3options.without_entropy(conf, "s3://b/cp/_entropy_/app") == "s3://b/cp/app"
    assert s3options.without_entropy({}, "s3://b/cp/_entropy_/app") == "s3://b/cp/_entropy_/app"
