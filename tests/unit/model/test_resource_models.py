"""Resources as models: defaults of the code, messages that name the field, status as the Java operator writes it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from operator_core import errors
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots
from operator_core.model.statuses import FlinkDeploymentStatus, JobStatus, Savepoint, SavepointInfo


def deployment(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "app", "namespace": "jobs", "generation": 3}, "spec": spec}


def test_defaults_are_those_of_the_java_classes() -> None:
    spec = flinkdeployments.parse(deployment(job={}, jobManager={}, taskManager={})).spec
    assert spec.job is not None and spec.job_manager is not None and spec.task_manager is not None
    assert (spec.job.state, spec.job.upgrade_mode, spec.job.parallelism, spec.job.args) == (
        "running",
        "stateless",
        0,
        (),
    )
    assert (spec.job_manager.replicas, spec.task_manager.replicas, spec.mode) == (1, None, None)


def test_null_means_absent_and_unknown_fields_are_ignored() -> None:
    spec = flinkdeployments.parse(deployment(job=None, podTemplate=None, futureField=1)).spec
    assert spec.job is None
    assert spec.pod_template is None


def test_free_form_parts_stay_as_sent() -> None:
    free = {"a.b": 1, "c": {"d": True, "e": [1, 2]}}
    spec = flinkdeployments.parse(deployment(flinkConfiguration=free, podTemplate={"spec": {"x": "y"}})).spec
    assert spec.flink_configuration == free
    assert spec.pod_template == {"spec": {"x": "y"}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"job": {"parallelism": "2"}}, "spec.job.parallelism must be a whole number (it is '2')"),
        ({"job": {"parallelism": 1.5}}, "spec.job.parallelism must be a whole number"),
        ({"job": {"state": "off"}}, "spec.job.state must be 'running' or 'suspended' (it is 'off')"),
        ({"job": {"upgradeMode": "x"}}, "spec.job.upgradeMode must be 'stateless', 'last-state' or 'savepoint'"),
        ({"job": {"args": "x"}}, "spec.job.args must be a list (it is 'x')"),
        ({"job": {"args": [1]}}, "spec.job.args[0] must be a text (it is 1)"),
        ({"job": {"allowNonRestoredState": "yes"}}, "spec.job.allowNonRestoredState must be true or false"),
        ({"image": 1.2}, "spec.image must be a text (it is 1.2)"),
        ({"mode": "yolo"}, "spec.mode must be 'native' or 'standalone' (it is 'yolo')"),
        ({"flinkVersion": "v9_9"}, "spec.flinkVersion must be 'v1_13'"),
        ({"podTemplate": []}, "spec.podTemplate must be an object"),
        ({"jobManager": {"resource": {"cpu": "1"}}}, "spec.jobManager.resource.cpu must be a number (it is '1')"),
        ({"jobManager": {"resource": {"memory": 2048}}}, "spec.jobManager.resource.memory must be a text (it is 2048)"),
    ],
)
def test_wrong_types_name_the_field(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.Stalled) as caught:
        flinkdeployments.parse(deployment(**spec))
    assert caught.value.message.startswith(f"FlinkDeployment app: {message}")
    assert caught.value.reason is errors.Reason.ValidationError


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(errors.Stalled, match=r"spec\.image .*; spec\.mode ") as caught:
        flinkdeployments.parse(deployment(image=1, mode="x"))
    assert "\n" not in caught.value.message


def test_a_long_value_is_not_repeated() -> None:
    with pytest.raises(errors.Stalled) as caught:
        flinkdeployments.parse(deployment(mode="x" * 200))
    assert "xxx" not in caught.value.message


def test_a_missing_name_is_told() -> None:
    with pytest.raises(errors.Stalled, match=r"metadata\.name is missing: set it"):
        flinkdeployments.parse({"metadata": {}, "spec": {}})


def test_models_are_frozen() -> None:
    resource = flinkdeployments.parse(deployment())
    with pytest.raises(ValidationError):
        resource.spec.image = "x"  # type: ignore[misc]


def test_status_before_the_first_deployment_is_written_with_its_defaults() -> None:
    assert FlinkDeploymentStatus().to_json() == {
        "clusterInfo": {},
        "conditions": [],
        "jobManagerDeploymentStatus": "MISSING",
        "jobStatus": {
            "checkpointInfo": {"lastPeriodicCheckpointTimestamp": 0},
            "savepointInfo": {"lastPeriodicSavepointTimestamp": 0, "savepointHistory": []},
        },
        "reconciliationStatus": {"reconciliationTimestamp": 0, "state": "UPGRADING"},
    }


def test_status_survives_writing_and_reading() -> None:
    savepoint = Savepoint(time_stamp=1795269697000, location="file:/sp/1", trigger_type="UPGRADE")
    status = FlinkDeploymentStatus(
        job_status=JobStatus(
            job_id="0" * 32,
            state="RUNNING",
            start_time="1795269698220",
            savepoint_info=SavepointInfo(last_savepoint=savepoint, savepoint_history=(savepoint,)),
        ),
        observed_generation=2,
        lifecycle_state="STABLE",
        cluster_info={"flink-version": "1.20.5"},
    )
    text = json.dumps(status.to_json())
    assert flinkdeployments.parse(deployment() | {"status": json.loads(text)}).status == status
    assert '"startTime": "1795269698220"' in text
    assert '"timeStamp": 1795269697000' in text


def test_the_other_kinds_are_read() -> None:
    metadata = {"name": "x", "namespace": "jobs"}
    job = flinksessionjobs.parse({"metadata": metadata, "spec": {"deploymentName": "cluster", "job": {"args": ["a"]}}})
    assert job.spec.job is not None and job.spec.job.args == ("a",)
    snapshot = flinkstatesnapshots.parse({"metadata": metadata, "spec": {"savepoint": {}}})
    assert snapshot.spec.savepoint is not None and snapshot.spec.savepoint.dispose_on_delete
    assert snapshot.spec.backoff_limit == -1 and snapshot.status is None
    with pytest.raises(errors.Stalled, match=r"FlinkStateSnapshot x: spec\.jobReference\.kind must be"):
        flinkstatesnapshots.parse({"metadata": metadata, "spec": {"jobReference": {"kind": "Job"}}})
