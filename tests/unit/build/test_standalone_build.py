"""What a standalone cluster is built with beyond the recorded fixtures, and the Ingress of either kind."""

from typing import Any

import pytest

from operator_core.build import clusters
from operator_core.conf import defaults as layers
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, podtemplates

MEMORY = {"resource": {"memory": "1g", "cpu": 1}}
JOB = {"jarURI": "local:///opt/flink/usrlib/job.jar", "parallelism": 5}


def built(
    spec: dict[str, Any] | None = None, *, savepoint: str | None = None, allow_non_restored: bool = False
) -> clusters.ClusterManifests:
    base: dict[str, Any] = {
        "flinkVersion": "v2_0",
        "serviceAccount": "flink",
        "mode": "standalone",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2},
        "job": JOB,
        "jobManager": MEMORY,
        "taskManager": MEMORY,
    }
    resource = {"metadata": {"name": "app", "namespace": "jobs", "uid": "u"}, "spec": base | (spec or {})}
    request = clusters.BuildRequest(
        deployment=flinkdeployments.parse(resource),
        defaults=layers.NONE,
        job_id="0" * 32,
        savepoint_path=savepoint,
        allow_non_restored=allow_non_restored,
        generation=1,
    )
    native = request.deployment.spec.mode == "native"
    return clusters.build_native(request) if native else clusters.build_standalone(request)


def main(deployment: Object) -> Object:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_task_managers_follow_the_parallelism_or_the_replicas() -> None:
    (workers,) = built().beside
    assert workers["metadata"]["name"] == "app-taskmanager"
    assert workers["spec"]["replicas"] == 3
    (workers,) = built({"taskManager": MEMORY | {"replicas": 7}}).beside
    assert workers["spec"]["replicas"] == 7
    (workers,) = built({"job": None}).beside
    assert workers["spec"]["replicas"] == 1


def test_the_job_s_arguments_come_last() -> None:
    job = JOB | {"entryClass": "com.example.Main", "args": ["--a", "b c", ""]}
    made = built({"job": job}, savepoint="s3://sp", allow_non_restored=True).jobmanager
    assert main(made)["args"] == [
        "standalone-job",
        "--job-classname",
        "com.example.Main",
        "--allowNonRestoredState",
        "--fromSavepoint",
        "s3://sp",
        "--a",
        "b c",
        "",
    ]


def test_a_library_folder_of_the_template_or_the_image_is_kept() -> None:
    mount = {"name": "libraries", "mountPath": "/opt/flink/usrlib/more"}
    container = {"name": podtemplates.MAIN_CONTAINER, "volumeMounts": [mount]}
    template = {"spec": {"containers": [container], "volumes": [{"name": "libraries", "emptyDir": {}}]}}
    elsewhere = {"job": JOB | {"jarURI": "local:///opt/flink/examples/job.jar"}}
    for spec, expected in (
        (elsewhere | {"podTemplate": template}, False),
        (elsewhere, True),
        ({"job": JOB}, False),
        ({"job": None}, False),
    ):
        made = built(spec)
        volumes = [volume["name"] for volume in made.jobmanager["spec"]["template"]["spec"]["volumes"]]
        assert ("user-lib-dir" in volumes) is expected


def test_a_task_manager_without_cpu_gets_one_for_each_slot() -> None:
    (workers,) = built({"taskManager": {"resource": {"memory": "1g"}}}).beside
    assert main(workers)["resources"]["requests"]["cpu"] == "2"


def test_task_manager_options_and_template_reach_its_pods() -> None:
    (workers,) = built(
        {
            "flinkConfiguration": {
                "containerized.taskmanager.env.A": "1",
                "kubernetes.taskmanager.labels": "team:data",
                "kubernetes.taskmanager.node-selector": "disk:ssd",
            },
            "taskManager": MEMORY | {"podTemplate": {"spec": {"priorityClassName": "high"}}},
        }
    ).beside
    spec = workers["spec"]["template"]["spec"]
    assert main(workers)["env"] == [{"name": "A", "value": "1"}]
    assert (spec["nodeSelector"], spec["priorityClassName"]) == ({"disk": "ssd"}, "high")
    assert workers["spec"]["template"]["metadata"]["labels"]["team"] == "data"


@pytest.mark.parametrize("mode", ["native", "standalone"])
@pytest.mark.parametrize(
    ("template", "host", "path"),
    [
        ("{{name}}.{{namespace}}.example.com", "app.jobs.example.com", None),
        ("https://flink.example.com/{{NAMESPACE}}/{{Name}}", "flink.example.com", "/jobs/app"),
        ("/{{namespace}}/{{name}}(/|$)(.*)", None, "/jobs/app(/|$)(.*)"),
    ],
)
def test_ingress(mode: str, template: str, host: str | None, path: str | None) -> None:
    made = built({"mode": mode, "ingress": {"template": template, "labels": {"a": "b"}}})
    (ingress,) = [manifest for manifest in made.beside if manifest["kind"] == "Ingress"]
    (rule,) = ingress["spec"]["rules"]
    assert rule.get("host") == host
    assert rule["http"]["paths"][0].get("path") == path
    assert ingress["metadata"]["labels"] == {"a": "b", "component": "ingress"}
    assert ingress["metadata"]["ownerReferences"][0]["uid"] == "u"
