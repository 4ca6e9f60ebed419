"""Kubernetes' own kinds, where their published schemas are installed."""

import pytest
from checks import ACCOUNT, JOB, changed, findings, told

from gitsync.validate import kinds
from operator_core.errors import Stalled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: '3', selector: {},"
            " template: {spec: {containers: [{image: x}]}}}\n",
            ["spec.replicas must be a whole number and is text", "spec.template.spec.containers[0].name is missing"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {port: 8081}\n",
            ["data.port must be text and is a whole number: quote it"],
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1, targetPort: web}, {port: 2,"
            " targetPort: 8}], selectors: {}}\n",
            ["spec.selectors is unknown; did you mean selector?"],
        ),
        (
            "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n",
            ["in extensions/v1beta1; write apiVersion: networking.k8s.io/v1"],
        ),
        ("apiVersion: apps/v1\nkind: Deploiment\nmetadata: {name: a}\n", ["is the kind spelled right?"]),
    ],
)
def test_their_fields_are_checked(text: str, expected: list[str]) -> None:
    found = [where for _, where in told(text)]
    assert len(found) == len(expected)
    assert all(part in where for part, where in zip(expected, found, strict=True))


def test_pod_templates_of_flink_are_checked_as_pods_but_may_be_partial() -> None:
    template = "  podTemplate:\n    spec:\n      KEY\n  job:\n"
    for key, rules in (
        ("nodeSelector: {a: b}", []),
        ("terminationGracePeriodSeconds: soon", ["schema"]),
        ("nodeselector: {a: b}", ["unknown-field"]),
    ):
        text = changed("  job:\n", template.replace("KEY", key))
        assert [one.rule for one in findings(text, ACCOUNT)] == rules, key


def test_a_release_that_is_not_known_is_refused() -> None:
    assert kinds.schemas_of("1.30") is not None
    with pytest.raises(Stalled, match=r"there are no schemas of Kubernetes 1\.9"):
        kinds.schemas_of("1.9")


def test_without_the_schemas_only_our_kinds_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_PACKAGE", "no_such_package_of_schemas")
    assert kinds.schemas_of(None) is None
    with pytest.raises(Stalled, match="pip install"):
        kinds.schemas_of("1.30")
    assert [one.rule for one in findings("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndatum: {}\n")] == []
    assert [one.rule for one in findings(JOB.replace("parallelism", "paralelism"), ACCOUNT)] == [
        "operator",
        "unknown-field",
    ]
