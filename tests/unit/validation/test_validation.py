"""Every rule: a valid resource, one thing changed, the one finding it gets."""

from typing import Any

import pytest
from specfixtures import (
    DIRECTORIES,
    HA,
    MAIN,
    OPERATOR,
    VALID,
    conf,
    findings,
    job,
    operator_conf,
    overlaid,
    resources,
    template,
)

from operator_core.conf import defaults as layers
from operator_core.decide import validation
from operator_core.model import flinkdeployments


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"flinkVersion": "v2_0"},
        {"flinkVersion": "v2_4"},
        {"mode": "native"},
        {"image": None},
        job(jarURI="https://repo/job.jar"),
        job(jarURI="s3://bucket/job%20one.jar"),
        {"taskManager": {"replicas": 2}, "job": {"parallelism": 0}},
        {"jobManager": {"resource": {"memory": "2Gi", "cpu": 0.25}}},
        {"jobManager": None, "flinkConfiguration": {"jobmanager.memory.process.size": "1600m"}},
        {"jobManager": None, "flinkConfiguration": {"jobmanager.memory.heap.size": "1g"}},
        resources(requests={"cpu": "500m", "memory": "1Gi"}, limits={"cpu": 1, "memory": "1Gi"}),
        {"job": {"upgradeMode": "savepoint"}, "flinkConfiguration": DIRECTORIES},
        {"job": {"upgradeMode": "last-state"}, "flinkConfiguration": {"execution.checkpointing.dir": "s3://b/cp"}},
        {"jobManager": {"replicas": 2}, "flinkConfiguration": HA},
        {"flinkConfiguration": HA | {OPERATOR + "deployment.rollback.enabled": "true"}},
        conf(**DIRECTORIES, **{OPERATOR + "periodic.savepoint.interval": "0 0/5 * * * ?"}),
        conf(**DIRECTORIES, **{OPERATOR + "periodic.savepoint.interval": "1 h"}),
        {"logConfiguration": {"log4j-console.properties": "a", "logback-console.xml": "b"}},
        template({"name": MAIN}, {"name": "side", "image": "x"}),
        conf(**{"kubernetes.jobmanager.tolerations": "key:k1,operator:Equal,value:v1,effect:NoSchedule"}),
        conf(**{"kubernetes.env.secretKeyRef": "env:A,secret:s,key:k;env:B,secret:s,key:l"}),
        conf(**{"kubernetes.secrets": "s:/opt/s"})
        | template({"name": MAIN, "volumeMounts": [{"name": "s-volume", "mountPath": "/x"}]}),
        conf(**{"job.autoscaler.enabled": "true", "job.autoscaler.target.utilization": "0.8"}),
        conf(**{"job.autoscaler.target.utilization": "7"}),
        conf(anything={"nested": ["a", 1, True]}),
    ],
)
def test_valid(change: dict[str, Any]) -> None:
    assert findings(change) == ()


INVALID: list[tuple[dict[str, Any], str]] = [
    # version and mode
    ({"flinkVersion": None}, "spec.flinkVersion is missing; set the version of the image"),
    ({"flinkVersion": "v1_13"}, "v1_13 is not supported (the oldest is v1_15); move the job to Flink v1_19 or newer"),
    # configuration keys
    (conf(**{"kubernetes.namespace": "x"}), "spec.flinkConfiguration[kubernetes.namespace] is set by the operator"),
    (conf(kubernetes={"cluster-id": "x"}), "spec.flinkConfiguration[kubernetes.cluster-id] is set by the operator"),
    (conf(**{"high-availability.cluster-id": "x"}), "spec.flinkConfiguration[high-availability.cluster-id] is set"),
    (operator_conf("deployment.rollback.enabled", "true"), "deployment.rollback.enabled] needs high availability"),
    (
        conf(
            **{OPERATOR + "cluster.health-check.enabled": "true", OPERATOR + "jm-deployment-recovery.enabled": "false"}
        ),
        "cluster.health-check.enabled] needs kubernetes.operator.jm-deployment-recovery.enabled; set it to true",
    ),
    (
        conf(**{"high-availability.type": "zookeeper"} | {"high-availability.storageDir": "s3://x"}),
        "'zookeeper' is not",
    ),
    (conf(**{"high-availability.type": "kubernetes"}), "[high-availability.storageDir] is missing"),
    # ingress
    ({"ingress": {"className": "nginx"}}, "spec.ingress.template is missing; set it"),
    ({"ingress": {"template": "http://{{name}}.{{namespace}} bad/:::x"}}, "'http://app.jobs bad/:::x' is not a host"),
    ({"ingress": {"template": "{{name}}_x.example.com"}}, "spec.ingress.template: 'app_x.example.com' is not a host"),
    ({"ingress": {"template": "{{NAME}}.example.com:a"}}, "spec.ingress.template: 'app.example.com:a' is not a host"),
    # logging
    ({"logConfiguration": {"foo.properties": "x"}}, "spec.logConfiguration[foo.properties] is not a file Flink reads"),
    # job
    (job(parallelism=None), "spec.job.parallelism must be at least 1 (it is not set); set it"),
    (job(parallelism=-1), "spec.job.parallelism must be at least 1 (it is -1)"),
    (job(jarURI=None), "spec.job.jarURI is missing; set the job's jar inside the image"),
    (job(jarURI=""), "spec.job.jarURI is missing"),
    (job(jarURI="local:///a b.jar"), "spec.job.jarURI: 'local:///a b.jar' is not a valid URI"),
    (job(jarURI="local://[x/job.jar"), "spec.job.jarURI: 'local://[x/job.jar' is not a valid URI"),
    (job(jarURI="/opt/job.jar"), "spec.job.jarURI: '/opt/job.jar' has no scheme"),
    (job(jarURI="local:///"), "spec.job.jarURI: 'local:///' names no file"),
    ({"imagePullPolicy": "Sometimes"}, "spec.imagePullPolicy: 'Sometimes' is unknown; use Always, IfNotPresent, Never"),
    (conf(**{"taskmanager.numberOfTaskSlots": 0}), "spec.flinkConfiguration[taskmanager.numberOfTaskSlots] must be at"),
    (conf(**{"taskmanager.numberOfTaskSlots": "two"}), "[taskmanager.numberOfTaskSlots]: 'two' is not a whole number"),
    # state
    (
        {"job": {"upgradeMode": "last-state"}, "flinkConfiguration": HA},
        "spec.job.upgradeMode: last-state needs a checkpoint directory; set execution.checkpointing.dir",
    ),
    (
        {"job": {"upgradeMode": "savepoint"}, "flinkConfiguration": {"state.checkpoints.dir": "s3://b"}},
        "spec.job.upgradeMode: savepoint needs a savepoint directory; set execution.checkpointing.savepoint-dir",
    ),
    (job(savepointTriggerNonce=1), "spec.job.savepointTriggerNonce needs a savepoint directory"),
    (operator_conf("periodic.savepoint.interval", "1h"), "periodic.savepoint.interval] needs a savepoint directory"),
    (
        operator_conf("job.upgrade.last-state.max.allowed.checkpoint.age", "1h"),
        "max.allowed.checkpoint.age] needs a savepoint directory",
    ),
    # JobManager
    ({"jobManager": {"replicas": 0}}, "spec.jobManager.replicas must be at least 1 (it is 0)"),
    ({"jobManager": {"replicas": 3}}, "spec.jobManager.replicas: 3 JobManagers need high availability"),
    ({"jobManager": {"resource": {"cpu": 0}}}, "spec.jobManager.resource.cpu: 0 is no CPU at all"),
    ({"jobManager": {"resource": {"cpu": -1.5}}}, "spec.jobManager.resource.cpu: -1.5 is no CPU at all"),
    ({"jobManager": None}, "spec.jobManager.resource.memory: the JobManager has no memory size"),
    ({"jobManager": {"resource": {"memory": None}}}, "spec.jobManager.resource.memory: the JobManager has no memory"),
    (
        {"jobManager": {"resource": {"memory": "2 quarks"}}},
        "spec.jobManager.resource.memory: '2 quarks' is not a memory",
    ),
    ({"jobManager": {"resource": {"memory": "100m"}}}, "spec.jobManager.resource.memory is too small"),
    ({"jobManager": {"resource": {"memory": "2048"}}}, "spec.jobManager.resource.memory is too small"),
    (
        {"jobManager": {"resource": {"ephemeralStorage": "x"}}},
        "spec.jobManager.resource.ephemeralStorage: 'x' is not a",
    ),
    (resources(requests={"cpu": "x"}), "spec.jobManager.resources.requests[cpu]: 'x' is not a quantity"),
    (resources(requests={"cpu": "0"}), "spec.jobManager.resources.requests[cpu]: 0 is too little"),
    (resources(limits={"memory": "0"}), "spec.jobManager.resources.limits[memory]: 0 is too little"),
    (resources(limits={"nvidia.com/gpu": -1}), "spec.jobManager.resources.limits[nvidia.com/gpu]: -1 is too little"),
    (
        resources(requests={"cpu": 2}, limits={"cpu": "500m"}),
        "spec.jobManager.resources.requests[cpu] is larger than its limit",
    ),
    (
        resources(requests={"memory": "2Gi"}, limits={"memory": "1Gi"}),
        "spec.jobManager.resources.requests[memory] is larger than its limit",
    ),
    # TaskManager
    ({"taskManager": {"replicas": 0}}, "spec.taskManager.replicas must be at least 1 (it is 0)"),
    ({"taskManager": None}, "spec.taskManager.resource.memory: the TaskManager has no memory size"),
    ({"taskManager": {"resource": {"memory": "abc"}}}, "spec.taskManager.resource.memory: 'abc' is not a memory size"),
    ({"taskManager": {"resource": {"memory": "500m"}}}, "spec.taskManager.resource.memory is too small"),
    ({"taskManager": {"resource": {"cpu": 0}}}, "spec.taskManager.resource.cpu: 0 is no CPU at all"),
    (conf(**{"taskmanager.memory.managed.size": "lots"}), "[taskmanager.memory.managed.size]: 'lots' is not a memory"),
    # service account
    ({"serviceAccount": None}, "spec.serviceAccount is missing; set the ServiceAccount"),
    # autoscaler
    (
        conf(**{"job.autoscaler.enabled": "true", "job.autoscaler.utilization.target": "1.5"}),
        "spec.flinkConfiguration[job.autoscaler.utilization.target]: 1.5 is out of range; write a number from 0 to 1",
    ),
    (
        conf(**{"job.autoscaler.enabled": "true", "job.autoscaler.scale-up.max-factor": "-1"}),
        "[job.autoscaler.scale-up.max-factor]: -1 is out of range; write a number of at least 0",
    ),
    # values
    (operator_conf("reconcile.interval", "soon"), "[kubernetes.operator.reconcile.interval]: 'soon' is not a duration"),
    (conf(**{"execution.checkpointing.interval": "often"}), "[execution.checkpointing.interval]: 'often' is not a dur"),
    (operator_conf("job.restart.failed", "maybe"), "[kubernetes.operator.job.restart.failed]: 'maybe' is neither true"),
    (operator_conf("savepoint.format.type", "ZIP"), "savepoint.format.type]: 'ZIP' is unknown; use one of CANONICAL"),
    (
        operator_conf("savepoint.history.max.count", "some"),
        "savepoint.history.max.count]: 'some' is not a whole number",
    ),
    (conf(**{"rest.port": "8081-8090"}), "spec.flinkConfiguration[rest.port]: '8081-8090' is not a whole number"),
    (
        conf(**{"kubernetes.rest-service.exposed.type": "Open"}),
        "exposed.type]: 'Open' is unknown; use one of ClusterIP",
    ),
    (
        conf(**{"kubernetes.jobmanager.labels": "a"}),
        "[kubernetes.jobmanager.labels]: 'a' is no list of pairs; write key:value",
    ),
    (
        conf(**{"kubernetes.taskmanager.labels": "b"}),
        "[kubernetes.taskmanager.labels]: 'b' is no list of pairs; write key:value",
    ),
    (conf(**{"kubernetes.secrets": "nowhere"}), "[kubernetes.secrets]: 'nowhere' is no list of pairs; write"),
    (
        conf(**{"kubernetes.env.secretKeyRef": "env:A,secret:s"}),
        "'env:A,secret:s' is incomplete; write env:",
    ),
    (
        conf(**{"kubernetes.jobmanager.tolerations": "key:k,operator:Exists,tolerationSeconds:long"}),
        "[kubernetes.jobmanager.tolerations]: tolerationSeconds in",
    ),
    (
        conf(**DIRECTORIES, **{OPERATOR + "periodic.savepoint.interval": "0 5 * * *"}),
        "periodic.savepoint.interval]: '0 5 * * *' is neither a duration nor a Quartz cron expression",
    ),
    (
        operator_conf("periodic.checkpoint.interval", "hourly"),
        "periodic.checkpoint.interval]: 'hourly' is neither a duration nor a Quartz cron expression",
    ),
    (conf(**{"execution.savepoint-restore-mode": "STEAL"}), "[execution.savepoint-restore-mode]: 'STEAL' is unknown"),
    # pod templates
    ({"podTemplate": {"spec": {"containers": "main"}}}, "spec.podTemplate.spec.containers must be a list of objects"),
    ({"podTemplate": {"spec": {"volumes": ["x"]}}}, "spec.podTemplate.spec.volumes must be a list of objects"),
    (template({"image": "x"}), "spec.podTemplate.spec.containers[0].name is missing; name it (flink-main-container is"),
    (template({"name": MAIN, "env": {"A": "b"}}), "spec.podTemplate.spec.containers[0].env must be a list of objects"),
    (template({"name": "side"}), "container side: image is missing; set it"),
    (template({"name": MAIN}, {"name": MAIN}), f"container {MAIN}: the name occurs twice"),
    (
        template({"name": MAIN, "volumeMounts": [{"name": "missing", "mountPath": "/x"}]}),
        f"container {MAIN}: volumeMount 'missing' has no volume",
    ),
]


@pytest.mark.parametrize(("change", "message"), INVALID, ids=[message for _, message in INVALID])
def test_invalid(change: dict[str, Any], message: str) -> None:
    found = findings(change)
    assert message in found[0]
    assert all("\n" not in finding and finding.count(":") < 12 for finding in found)


@pytest.mark.parametrize("name", ["1abc", "a.b", "A", "a-", "-a", "a" * 46, "a_b"])
def test_names_that_are_no_cluster_id(name: str) -> None:
    assert findings({}, name=name)[0].startswith(f"metadata.name: {name!r} cannot be a Flink cluster id")


@pytest.mark.parametrize("name", ["a", "abc-1", "a" * 45])
def test_names_that_are_cluster_ids(name: str) -> None:
    assert findings({}, name=name) == ()


def test_the_first_failing_rule_comes_first_and_each_is_told_once() -> None:
    found = findings(
        {"flinkVersion": None, "job": {"parallelism": 0, "jarURI": None}, "serviceAccount": None}, name="1"
    )
    assert [finding.split()[0] for finding in found] == [
        "metadata.name:",
        "spec.flinkVersion",
        "spec.job.parallelism",
        "spec.job.jarURI",
        "spec.serviceAccount",
    ]
    assert len(set(found)) == len(found)


def test_templates_that_collide_name_the_option_that_helps() -> None:
    common = {"name": MAIN, "env": [{"name": "A", "value": "a"}]}
    own = {"name": MAIN, "env": [{"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}
    change = template(common) | {"jobManager": {"podTemplate": {"spec": {"containers": [own]}}}}
    (found,) = findings(change)
    assert found.startswith(
        "spec.jobManager.podTemplate over spec.podTemplate, container flink-main-container: env B has"
    )
    assert "merge-arrays-by-name: 'true'" in found
    assert findings(change | operator_conf("pod-template.merge-arrays-by-name", "true")) == ()


def test_defaults_of_the_operator_count() -> None:
    change = {"job": {"upgradeMode": "savepoint"}}
    assert findings(change, **DIRECTORIES) == ()
    assert findings({"jobManager": {"replicas": 2}}, **HA) == ()


@pytest.mark.parametrize(
    ("version", "hints"), [("v1_15", 1), ("v1_18", 1), ("v1_19", 0), ("v1_20", 0), ("v2_0", 0), ("v2_4", 0)]
)
def test_deprecated_versions_are_deployed_and_told(version: str, hints: int) -> None:
    change = {"flinkVersion": version}
    resource = {"metadata": {"name": "app", "namespace": "jobs"}, "spec": overlaid(VALID, change)}
    assert not findings(change)
    assert len(validation.advice(flinkdeployments.parse(resource), layers.NONE)) == hints


def test_advice_refuses_nothing() -> None:
    change = {"job": {"upgradeMode": "last-state"}, "flinkConfiguration": {"state.checkpoints.dir": "s3://b"}}
    resource = {"metadata": {"name": "app"}, "spec": overlaid(VALID, change)}
    (hint,) = validation.advice(flinkdeployments.parse(resource), layers.NONE)
    assert hint.startswith("spec.job.upgradeMode: last-state without high availability")
    assert findings(change) == ()
    assert validation.advice(flinkdeployments.parse({"metadata": {"name": "app"}, "spec": VALID}), layers.NONE) == ()


def test_resources_together_with_an_empty_spec_never_crash() -> None:
    found = validation.validate(flinkdeployments.parse({"metadata": {"name": "app"}}), None, layers.NONE)
    assert found[0].startswith("spec.flinkVersion is missing")
