"""Jars on Flink's REST interface: the upload's body, the run's fields by version, the id of an uploaded jar."""

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from operator_core.decide.decisions import SubmitJob
from operator_core.flink import jars

JOB = SubmitJob(
    job_id="a" * 32,
    jar_uri="https://h/job.jar",
    entry_class="x.Main",
    args=("--a", "b c"),
    parallelism=2,
    savepoint_path="file:///sp/1",
    allow_non_restored=True,
    configuration=(("execution.checkpointing.interval", "1 s"),),
    flink_version="v1_20",
)


def test_a_run_carries_all_that_was_recorded() -> None:
    request = jars.run(JOB, "u_job.jar")
    assert (request.method, request.path) == ("POST", "/jars/u_job.jar/run")
    assert request.body == {
        "entryClass": "x.Main",
        "programArgsList": ["--a", "b c"],
        "parallelism": 2,
        "jobId": "a" * 32,
        "allowNonRestoredState": True,
        "savepointPath": "file:///sp/1",
        "claimMode": "NO_CLAIM",
        "flinkConfiguration": {"execution.checkpointing.interval": "1 s"},
    }


@pytest.mark.parametrize(
    ("version", "mode", "configured"),
    [
        ("v1_16", "restoreMode", False),
        ("v1_19", "restoreMode", True),
        ("v1_20", "claimMode", True),
        ("v2_3", "claimMode", True),
    ],
)
def test_older_versions_get_the_fields_they_know(version: str, mode: str, configured: bool) -> None:
    body = jars.run(replace(JOB, flink_version=version), "u").body
    assert body[mode] == "NO_CLAIM"
    assert ("flinkConfiguration" in body) is configured


def test_what_is_not_set_is_left_to_flink() -> None:
    bare = replace(JOB, savepoint_path=None, args=(), parallelism=0, entry_class=None, configuration=())
    assert jars.run(bare, "u").body == {"jobId": "a" * 32, "allowNonRestoredState": True}


def test_an_upload_is_one_part_of_known_length(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"PK" * 300_000)
    body = jars.Multipart(file, "job.jar")
    whole = b"".join(body.chunks())
    assert len(whole) == body.length
    assert b'name="jarfile"; filename="job.jar"' in whole and whole.count(b"PK" * 1000) > 0
    boundary = body.content_type.partition("boundary=")[2].encode()
    assert whole.startswith(b"--" + boundary) and whole.endswith(b"--" + boundary + b"--\r\n")


def test_an_uploaded_jar_is_known_by_its_file_name() -> None:
    assert (
        jars.jar_id({"filename": "/tmp/flink-web-1/flink-web-upload/5f_job.jar", "status": "success"}) == "5f_job.jar"
    )


def test_a_job_of_the_clusters_own_classes_gets_a_jar_without_any() -> None:
    assert zipfile.ZipFile(BytesIO(jars.empty())).namelist() == ["META-INF/MANIFEST.MF"]
