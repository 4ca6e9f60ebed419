"""What a native cluster is built with beyond the recorded fixtures: recovery, identity, templates, limits."""

from typing import Any

import pytest
import yaml

from operator_core import errors
from operator_core.build import clusters, flinkconf
from operator_core.conf import defaults as layers
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, podtemplates

JOB_ID = "0" * 31 + "1"


def request(
    spec: dict[str, Any] | None = None,
    configuration: dict[str, Any] | None = None,
    *,
    version: str = "v1_20",
    savepoint: str | None = None,
    allow_non_restored: bool = False,
    generation: int = 1,
) -> clusters.BuildRequest:
    base: dict[str, Any] = {
        "flinkVersion": version,
        "serviceAccount": "flink",
        "flinkConfiguration": configuration or {},
        "job": {"jarURI": "local:///job.jar", "parallelism": 2},
        "jobManager": {"resource": {"memory": "1g", "cpu": 1}},
        "taskManager": {"resource": {"memory": "1g", "cpu": 1}},
    }
    resource = {"metadata": {"name": "app", "namespace": "jobs", "uid": "u"}, "spec": base | (spec or {})}
    return clusters.BuildRequest(
        deployment=flinkdeployments.parse(resource),
        defaults=layers.NONE,
        job_id=JOB_ID,
        savepoint_path=savepoint,
        allow_non_restored=allow_non_restored,
        generation=generation,
    )


def texts(made: clusters.BuildRequest) -> dict[str, str]:
    return dict(flinkconf.native(made).texts)


def pod(made: clusters.BuildRequest) -> Object:
    spec: Object = clusters.build_native(made).jobmanager["spec"]["template"]["spec"]
    return spec


def main(made: clusters.BuildRequest) -> Object:
    (container,) = [c for c in pod(made)["containers"] if c["name"] == podtemplates.MAIN_CONTAINER]
    return dict(container)


RESTORE_NAMES = {"v1_20": "execution.savepoint.path", "v2_0": "execution.state-recovery.path"}
CLAIM_NAMES = {"v1_20": "execution.savepoint-restore-mode", "v2_0": "execution.state-recovery.claim-mode"}


@pytest.mark.parametrize("version", RESTORE_NAMES)
@pytest.mark.parametrize("configured", [None, *RESTORE_NAMES.values()])
def test_only_the_recorded_state_is_restored(version: str, configured: str | None) -> None:
    configuration = {configured: "s3://configured"} if configured else {}
    made = texts(request(configuration=configuration, version=version, savepoint="s3://recorded"))
    assert {key: made[key] for key in RESTORE_NAMES.values() if key in made} == {
        RESTORE_NAMES[version]: "s3://recorded"
    }
    assert made[CLAIM_NAMES[version]] == "NO_CLAIM"
    fresh = texts(request(configuration=configuration, version=version))
    assert not set(RESTORE_NAMES.values()) & set(fresh)
    assert not set(CLAIM_NAMES.values()) & set(fresh)


def test_a_claim_mode_of_the_resource_stays() -> None:
    made = texts(request(configuration={"execution.state-recovery.claim-mode": "CLAIM"}, savepoint="s3://sp"))
    assert {made.get(name) for name in CLAIM_NAMES.values()} == {"CLAIM", None}


def test_the_last_state_marker_has_no_claim_mode() -> None:
    made = texts(request(savepoint=flinkconf.LAST_STATE_MARKER))
    assert made["execution.savepoint.path"] == "KUBERNETES_OPERATOR_LAST_STATE"
    assert not set(CLAIM_NAMES.values()) & set(made)


@pytest.mark.parametrize(
    ("in_spec", "asked", "written"), [(None, False, None), (None, True, "true"), (False, False, "false")]
)
def test_unclaimed_state_is_allowed_only_where_asked(in_spec: bool | None, asked: bool, written: str | None) -> None:
    job = {"jarURI": "local:///job.jar", "parallelism": 1, "allowNonRestoredState": in_spec}
    made = texts(request({"job": job}, allow_non_restored=asked))
    assert made.get("execution.savepoint.ignore-unclaimed-state") == written


def test_a_job_result_store_belongs_to_one_deploy() -> None:
    configuration = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha/"}
    paths = [
        texts(request(configuration=configuration, generation=generation))["job-result-store.storage-path"]
        for generation in (1, 1, 2)
    ]
    assert paths == [f"s3://ha/job-result-store/app/{JOB_ID}-{generation}" for generation in (1, 1, 2)]
    assert "job-result-store.storage-path" not in texts(request())


def test_operator_options_are_not_shipped() -> None:
    made = texts(
        request(configuration={"kubernetes.operator.x": "1", "job.autoscaler.enabled": "true", "taskmanager.host": "h"})
    )
    assert not [key for key in made if key.startswith(("kubernetes.operator.", "job.autoscaler."))]
    assert "taskmanager.host" not in made


def test_parallelism_follows_task_manager_replicas() -> None:
    made = texts(
        request({"taskManager": {"replicas": 3, "resource": {"memory": "1g"}}}, {"taskmanager.numberOfTaskSlots": 4})
    )
    assert made["parallelism.default"] == "12"
    assert made["kubernetes.internal.taskmanager.replicas"] == "3"


def test_values_the_resource_sets_are_kept() -> None:
    configuration = {
        "pipeline.name": "mine",
        "execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION",
        "execution.checkpointing.interval": "1 min",
        "web.cancel.enable": "true",
        "blob.server.port": "7000",
    }
    job = {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "last-state"}
    made = texts(request({"job": job}, configuration))
    assert {key: made[key] for key in configuration} == configuration
    assert texts(request({"job": job}))["execution.checkpointing.interval"] == "5 min"


def test_last_reconciled_generation_is_on_deployment_and_pod() -> None:
    manifest = clusters.build_native(request(generation=7)).jobmanager
    for metadata in (manifest["metadata"], manifest["spec"]["template"]["metadata"]):
        assert metadata["annotations"] == {"flinkdeployment.flink.apache.org/generation": "7"}


def test_owners() -> None:
    manifests = clusters.build_native(request())
    (owner,) = manifests.jobmanager["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("FlinkDeployment", "u", False)
    assert all("ownerReferences" not in manifest["metadata"] for manifest in manifests.owned)
    for manifest in clusters.owned_by(manifests.owned, "d"):
        (owner,) = manifest["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("Deployment", "app", "d", True)
    assert all("ownerReferences" not in manifest["metadata"] for manifest in manifests.owned)


@pytest.mark.parametrize(
    ("image", "template_image", "expected"),
    [("own:1", "template:1", "own:1"), (None, "template:1", "template:1"), (None, None, "flink:1.20")],
)
def test_the_image_of_the_spec_beats_the_template_s(
    image: str | None, template_image: str | None, expected: str
) -> None:
    container = {"name": podtemplates.MAIN_CONTAINER} | ({"image": template_image} if template_image else {})
    made = main(request({"image": image, "podTemplate": {"spec": {"containers": [container]}}}))
    assert made["image"] == expected


def test_kubernetes_resources_become_requests_limits_and_factors() -> None:
    role = {
        "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": 1},
            "limits": {"cpu": 2, "memory": "1536Mi", "nvidia.com/gpu": 1},
        }
    }
    made = request({"jobManager": role, "taskManager": role})
    assert main(made)["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": "1"},
        "limits": {"cpu": "2", "memory": "1536Mi", "nvidia.com/gpu": "1"},
    }
    conf = texts(made)
    assert conf["kubernetes.taskmanager.cpu.amount"] == "0.5"
    assert conf["kubernetes.taskmanager.cpu.limit-factor"] == "4.0"
    assert conf["kubernetes.taskmanager.memory.limit-factor"] == "1.5"
    template = {manifest["metadata"]["name"]: manifest for manifest in clusters.build_native(made).owned}
    task_manager = yaml.safe_load(template["pod-template-app"]["data"]["taskmanager-pod-template.yaml"])
    (container,) = task_manager["spec"]["containers"]
    assert container["resources"] == {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}


def test_a_limit_alone_is_the_request_too() -> None:
    made = main(request({"jobManager": {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}}))
    assert made["resources"]["requests"] == made["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


def test_ephemeral_storage_is_added_to_the_template_s_resources() -> None:
    template = {"spec": {"containers": [{"name": podtemplates.MAIN_CONTAINER, "resources": {"limits": {"x/y": "1"}}}]}}
    role = {"resource": {"memory": "1g", "cpu": 1, "ephemeralStorage": "2Gi"}, "podTemplate": template}
    made = main(request({"jobManager": role}))
    assert made["resources"]["limits"] == {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "2Gi", "x/y": "1"}
    assert made["resources"]["requests"]["ephemeral-storage"] == "2Gi"


def test_a_probe_of_the_template_stays_and_probes_can_be_off() -> None:
    own = {"httpGet": {"path": "/x", "port": 1}}
    template = {"spec": {"containers": [{"name": podtemplates.MAIN_CONTAINER, "startupProbe": own}]}}
    assert main(request({"podTemplate": template}))["startupProbe"] == own
    off = {"kubernetes.operator.jm-deployment.startup.probe.enabled": "false"}
    assert "startupProbe" not in main(request(configuration=off))


@pytest.mark.parametrize(
    ("configuration", "check"),
    [
        ({}, {"httpGet": {"path": "/config", "port": "rest", "scheme": "HTTP"}}),
        ({"security.ssl.rest.enabled": True}, {"httpGet": {"path": "/config", "port": "rest", "scheme": "HTTPS"}}),
        (
            {"security.ssl.rest.enabled": True, "security.ssl.rest.authentication-enabled": True},
            {"tcpSocket": {"port": "rest"}},
        ),
    ],
)
def test_the_startup_probe_speaks_the_rest_api_s_protocol(configuration: dict[str, Any], check: Object) -> None:
    probe = main(request(configuration=configuration))["startupProbe"]
    assert probe == check | {"periodSeconds": 1, "failureThreshold": 2**31 - 1}


def test_host_network_has_no_container_ports() -> None:
    made = request(configuration={"kubernetes.hostnetwork.enabled": "true"})
    assert pod(made)["hostNetwork"] is True
    assert pod(made)["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert main(made)["ports"] == []


def test_an_environment_variable_of_the_options_replaces_the_template_s() -> None:
    template = {"spec": {"containers": [{"name": podtemplates.MAIN_CONTAINER, "env": [{"name": "A", "value": "t"}]}]}}
    made = main(request({"podTemplate": template}, {"containerized.master.env.A": "o"}))
    assert [variable for variable in made["env"] if variable["name"] == "A"] == [{"name": "A", "value": "o"}]


def test_a_template_s_name_does_not_reach_the_pods() -> None:
    made = clusters.build_native(request({"podTemplate": {"metadata": {"name": "x", "labels": {"team": "data"}}}}))
    metadata = made.jobmanager["spec"]["template"]["metadata"]
    assert "name" not in metadata
    assert metadata["labels"]["team"] == "data"
    assert metadata["labels"]["app"] == "app"


def test_the_resource_is_not_changed_by_building() -> None:
    made = request({"podTemplate": {"spec": {"containers": [{"name": "side", "image": "x"}]}}})
    before = made.deployment.model_dump_json()
    clusters.build_native(made)
    assert made.deployment.model_dump_json() == before


def test_memory_that_cannot_work_is_refused() -> None:
    with pytest.raises(errors.Stalled, match=r"spec\.jobManager\.resource\.memory is too small"):
        clusters.build_native(request({"jobManager": {"resource": {"memory": "100m"}}}))
