"""The recorded spec: the Java operator's text, written alike and read in all its forms."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core import errors
from operator_core.model import lastspecs

BASIC = {
    "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
    "flinkVersion": "v1_20",
    "image": "flink:1.20",
    "job": {"jarURI": "local:///opt/flink/job.jar", "parallelism": 2, "upgradeMode": "stateless"},
    "jobManager": {"resource": {"cpu": 1, "memory": "2048m"}},
    "serviceAccount": "flink",
    "taskManager": {"resource": {"cpu": 1, "memory": "2048m"}},
}
# Taken from a resource that the Java operator deployed.
BASIC_TEXT = (
    '{"spec":{"job":{"jarURI":"local:///opt/flink/job.jar","parallelism":2,"entryClass":null,"args":[],'
    '"state":"running","savepointTriggerNonce":null,"initialSavepointPath":null,"checkpointTriggerNonce":null,'
    '"upgradeMode":"stateless","allowNonRestoredState":null,"savepointRedeployNonce":null,'
    '"autoscalerResetNonce":null},"restartNonce":null,"flinkConfiguration":{"taskmanager.numberOfTaskSlots":"2"},'
    '"image":"flink:1.20","imagePullPolicy":null,"serviceAccount":"flink","flinkVersion":"v1_20","ingress":null,'
    '"podTemplate":null,"jobManager":{"resource":{"cpu":1.0,"memory":"2048m","ephemeralStorage":null},"replicas":1,'
    '"podTemplate":null},"taskManager":{"resource":{"cpu":1.0,"memory":"2048m","ephemeralStorage":null},'
    '"replicas":null,"podTemplate":null},"logConfiguration":null,"mode":null},'
    '"resource_metadata":{"apiVersion":"flink.apache.org/v1beta1","firstDeployment":true}}'
)


def test_a_deployment_is_written_as_the_java_operator_writes_it() -> None:
    assert lastspecs.encode(BASIC, first_deployment=True) == BASIC_TEXT


def test_a_session_job_is_written_as_the_java_operator_writes_it() -> None:
    spec = {"deploymentName": "cluster", "job": {"jarURI": "https://jars/job.jar", "parallelism": 1}}
    assert lastspecs.encode(spec, first_deployment=False) == (
        '{"spec":{"job":{"jarURI":"https://jars/job.jar","parallelism":1,"entryClass":null,"args":[],'
        '"state":"running","savepointTriggerNonce":null,"initialSavepointPath":null,"checkpointTriggerNonce":null,'
        '"upgradeMode":"stateless","allowNonRestoredState":null,"savepointRedeployNonce":null,'
        '"autoscalerResetNonce":null},"restartNonce":null,"flinkConfiguration":{},"deploymentName":"cluster"},'
        '"resource_metadata":{"apiVersion":"flink.apache.org/v1beta1","firstDeployment":false}}'
    )


def test_a_session_cluster_has_no_job_and_absent_roles_stay_null() -> None:
    spec = json.loads(lastspecs.encode({"flinkVersion": "v1_20"}, first_deployment=True))["spec"]
    assert spec["job"] is None
    assert spec["jobManager"] is None
    assert spec["flinkConfiguration"] == {}


def test_kubernetes_resources_are_recorded_only_where_set() -> None:
    resources = {"requests": {"cpu": "1"}}
    spec = json.loads(lastspecs.encode({"jobManager": {"resources": resources}}, first_deployment=True))["spec"]
    assert spec["jobManager"] == {"resource": None, "replicas": 1, "podTemplate": None, "resources": resources}


def test_reading_gives_the_spec_without_nulls() -> None:
    last = lastspecs.decode(BASIC_TEXT)
    assert last.first_deployment is True
    assert last.spec["job"]["state"] == "running"
    assert "restartNonce" not in last.spec
    assert "podTemplate" not in last.spec["jobManager"]


def test_a_bare_spec_of_an_older_release_is_read() -> None:
    last = lastspecs.decode('{"apiVersion":"flink.apache.org/v1beta1","image":"flink:1.15","job":null}')
    assert last == lastspecs.LastSpec({"image": "flink:1.15"}, False)


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", '"text"', "null"])
def test_other_texts_are_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(errors.Stalled, match="lastReconciledSpec is not a recorded spec") as caught:
        lastspecs.decode(text)
    assert caught.value.reason is errors.Reason.ValidationError


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["image", "flinkConfiguration", "podTemplate"]), JSON), st.booleans())
def test_what_is_written_is_read_and_written_again_alike(spec: dict[str, Any], first: bool) -> None:
    text = lastspecs.encode(spec, first_deployment=first)
    last = lastspecs.decode(text)
    assert last.first_deployment is first
    assert lastspecs.encode(last.spec, first_deployment=first) == text
    assert {key: last.spec[key] for key in spec} == spec
