"""References between manifests: what must fit, what may be outside."""

import pytest
from checks import ACCOUNT, JOB, changed, findings

from gitsync.validate.findings import Severity

SESSION = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkSessionJob
metadata: {name: clicks, namespace: flink}
spec:
  deploymentName: CLUSTER
  job: {jarURI: "https://example.com/a.jar", parallelism: 1}
"""
SNAPSHOT = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkStateSnapshot
metadata: {name: before, namespace: flink}
spec:
  jobReference: {kind: KIND, name: NAME}
  savepoint: {disposeOnDelete: false}
"""
CLUSTER = JOB[: JOB.index("  job:")].replace("orders", "session")


def about_references(*files: str) -> list[tuple[str, Severity, str]]:
    return [(one.rule, one.severity, one.message) for one in findings(*files) if one.rule.startswith("reference")]


@pytest.mark.parametrize(
    ("files", "rule", "severity", "part"),
    [
        ((SESSION.replace("CLUSTER", "session"), CLUSTER), "", None, ""),
        ((SESSION.replace("CLUSTER", "session"), CLUSTER.replace("namespace: flink\n", "labels: {}\n")), "", None, ""),
        ((SESSION.replace("CLUSTER", "orders"), JOB), "reference", Severity.error, "runs a job of its own"),
        ((SESSION.replace("CLUSTER", "nope"),), "reference-outside", Severity.warning, "FlinkDeployment nope"),
        (
            (SESSION.replace("CLUSTER", "session"), CLUSTER.replace("namespace: flink", "namespace: other")),
            "reference-outside",
            Severity.warning,
            "FlinkDeployment session",
        ),
        ((SNAPSHOT.replace("KIND", "FlinkDeployment").replace("NAME", "orders"), JOB), "", None, ""),
        (
            (SNAPSHOT.replace("KIND", "FlinkDeployment").replace("NAME", "session"), CLUSTER),
            "reference",
            Severity.error,
            "is a session cluster",
        ),
        (
            (SNAPSHOT.replace("KIND", "FlinkSessionJob").replace("NAME", "orders"), JOB),
            "reference-outside",
            Severity.warning,
            "FlinkSessionJob orders",
        ),
    ],
)
def test_jobs_clusters_and_snapshots(files: tuple[str, ...], rule: str, severity: Severity | None, part: str) -> None:
    found = about_references(*files, ACCOUNT, ACCOUNT.replace("namespace: flink", "namespace: other"))
    assert [one[:2] for one in found] == ([(rule, severity)] if rule else [])
    assert all(part in one[2] for one in found)


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        ("volumes: [{name: a, secret: {secretName: x}}]", "Secret x"),
        ("volumes: [{name: a, configMap: {name: x}}]", "ConfigMap x"),
        ("volumes: [{name: a, configMap: {name: x, optional: true}}]", ""),
        ("volumes: [{name: a, persistentVolumeClaim: {claimName: x}}]", "PersistentVolumeClaim x"),
        ("volumes: [{name: a, projected: {sources: [{secret: {name: x}}]}}]", "Secret x"),
        ("imagePullSecrets: [{name: x}]", "Secret x"),
        ("serviceAccountName: x", "ServiceAccount x"),
        ("serviceAccountName: default", ""),
        (
            "containers: [{name: c, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: x, key: k}}}]}]",
            "Secret x",
        ),
        ("containers: [{name: c, image: i, envFrom: [{configMapRef: {name: x}}]}]", "ConfigMap x"),
        ("initContainers: [{name: c, image: i, envFrom: [{secretRef: {name: x, optional: true}}]}]", ""),
    ],
)
def test_what_pods_need_is_said_to_be_outside_when_it_is_not_there(pod: str, name: str) -> None:
    text = changed("  job:\n", f"  podTemplate:\n    spec:\n      {pod}\n  job:\n")
    found = about_references(text, ACCOUNT)
    assert [one[:2] for one in found] == ([("reference-outside", Severity.advice)] if name else [])
    assert all(f"the {name} is not among the checked files" in one[2] for one in found)


def test_secrets_named_by_options_count_and_keys_are_looked_for() -> None:
    option = '    kubernetes.env.secretKeyRef: "env:TOKEN,secret:s3,key:KEY"\n'
    text = changed("  jobManager:\n", f"{option}  jobManager:\n")
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: flink}\nstringData: {token: x}\n"
    assert about_references(text.replace("KEY", "token"), ACCOUNT, secret) == []
    ((rule, severity, message),) = about_references(text.replace("KEY", "nope"), ACCOUNT, secret)
    assert (rule, severity) == ("reference", Severity.error)
    assert "has no key 'nope'" in message


def test_what_many_lack_is_told_once() -> None:
    found = about_references(*(JOB.replace("orders", f"job{number}") for number in range(4)))
    assert len(found) == 1
    assert found[0][2].endswith("(the same in 3 more places)")
