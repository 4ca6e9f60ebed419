"""What is found in manifests, and that it points at the field."""

import pytest
from checks import ACCOUNT, JOB, changed, findings, report, told

from gitsync.validate.findings import RULES, Severity


def test_a_sound_job_with_its_account_has_no_findings() -> None:
    found = report(JOB, ACCOUNT)
    assert found.findings == ()
    assert (found.objects, found.unknown) == (2, ())


@pytest.mark.parametrize(
    ("old", "new", "rule", "where"),
    [
        ("    parallelism: 2", "    paralelism: 2\n    parallelism: 2", "unknown-field", "20:5 spec.job.paralelism"),
        (
            "parallelism: 2",
            "parallelism: two",
            "schema",
            "20:5 spec.job.parallelism must be a whole number and is text",
        ),
        ("upgradeMode: savepoint", "upgradeMode: savepont", "schema", "21:5 spec.job.upgradeMode must be one of"),
        ("image: flink:1.20.1", "image: 1.20", "schema", "7:3 spec.image must be text and is a number: quote it"),
        ("name: orders", "name: Orders", "metadata", "4:3 metadata.name"),
        ("name: orders", "name: orders\n  labels: {a: 'x y'}", "metadata", "5:12 metadata.labels[a]"),
        ("  serviceAccount: flink\n", "", "operator", "6:1 spec.serviceAccount is missing"),
        ("v1_20", "v1_12", "schema", "8:3 spec.flinkVersion must be one of"),
        ("interval: 10s", "interval: often", "operator", "11:5 spec.flinkConfiguration"),
        (
            "    execution.checkpointing.savepoint-dir: s3://state/savepoints\n",
            "",
            "operator",
            "20:5 spec.job.upgradeMode",
        ),
    ],
)
def test_what_would_be_refused_is_an_error_at_its_field(old: str, new: str, rule: str, where: str) -> None:
    found = [one for one in findings(changed(old, new), ACCOUNT) if one.rule == rule]
    assert [one.severity for one in found] == [Severity.error]
    assert f"{found[0].line}:{found[0].column} {found[0].message}".startswith(where)


@pytest.mark.parametrize(
    ("old", "new", "rule", "part"),
    [
        ("upgradeMode: savepoint", "upgradeMode: stateless", "state-stateless", "starts the job empty"),
        ("    upgradeMode: savepoint\n", "", "state-stateless", "starts the job empty"),
        ("s3://state/checkpoints", "file:///tmp/x", "state-directory", "gone with the pod"),
        ("s3://state/checkpoints", "/tmp/x", "state-directory", "gone with the pod"),
        ("upgradeMode: savepoint", "upgradeMode: last-state", "operator-advice", "without high availability"),
        (
            "upgradeMode: savepoint",
            "upgradeMode: savepoint\n    allowNonRestoredState: true",
            "state-non-restored",
            "drops the state",
        ),
        (
            "    execution.checkpointing.interval: 10s\n",
            "    execution.checkpointing.externalized-checkpoint-retention: DELETE_ON_CANCELLATION\n",
            "state-directory",
            "deletes the checkpoints",
        ),
    ],
)
def test_what_loses_state_is_a_warning(old: str, new: str, rule: str, part: str) -> None:
    found = [one for one in findings(changed(old, new), ACCOUNT) if one.rule == rule]
    assert [one.severity for one in found] == [Severity.warning]
    assert part in found[0].message


def test_last_state_without_an_interval_has_nothing_to_continue_from() -> None:
    text = changed("upgradeMode: savepoint", "upgradeMode: last-state")
    without = changed("    execution.checkpointing.interval: 10s\n", "", text)
    assert "state-last-state" in [one.rule for one in findings(without, ACCOUNT)]
    assert "state-last-state" not in [one.rule for one in findings(text, ACCOUNT)]


def test_a_local_directory_on_a_lasting_volume_is_fine_and_on_an_empty_one_is_not() -> None:
    template = """\
  podTemplate:
    spec:
      containers:
        - name: flink-main-container
          volumeMounts: [{name: state, mountPath: /state/}]
      volumes: [{name: state, KIND}]
  job:
"""
    text = changed("s3://state/checkpoints", "file:///state/checkpoints")
    for kind, rules in (
        ("hostPath: {path: /x}", []),
        ("emptyDir: {}", ["state-directory"]),
    ):
        with_volume = changed("  job:\n", template.replace("KIND", kind), text)
        assert [one.rule for one in findings(with_volume, ACCOUNT)] == rules, kind


def test_options_of_the_operator_count() -> None:
    text = changed("    execution.checkpointing.savepoint-dir: s3://state/savepoints\n", "")
    assert findings(text, ACCOUNT)
    assert not findings(text, ACCOUNT, defaults={"state.savepoints.dir": "s3://all/savepoints"})


def test_an_image_without_a_tag_is_worth_a_word() -> None:
    for image, rules in (
        ("flink", ["image-tag"]),
        ("r:5000/flink:latest", ["image-tag"]),
        ("f@sha256:" + "a" * 64, []),
    ):
        assert [one.rule for one in findings(changed("flink:1.20.1", image), ACCOUNT)] == rules


def test_the_same_object_twice_names_the_first_place() -> None:
    (found,) = findings(ACCOUNT, ACCOUNT)
    assert (found.rule, found.severity, found.file, found.line) == ("duplicate", Severity.warning, "b.yaml", 1)
    assert "a.yaml:1" in found.message


def test_an_item_of_a_list_is_found_in_the_list() -> None:
    text = """\
    apiVersion: v1
    kind: List
    items:
      - apiVersion: v1
        kind: ServiceAccount
        metadata: {name: a}
      - apiVersion: v1
        kind: ServiceAccount
        metadata: {name: Bad}
    """
    assert [where.partition(" ")[0] for _, where in told(text)] == ["9:16"]


def test_rules_can_be_switched_off_and_all_rules_are_described() -> None:
    text = changed("upgradeMode: savepoint", "upgradeMode: stateless")
    assert not findings(text, ACCOUNT, ignored=("state-stateless",))
    assert all(one.rule in RULES for one in findings(text))


def test_a_custom_kind_is_checked_by_its_definition_beside_it() -> None:
    definition = """\
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: topics.kafka.example.com}
    spec:
      group: kafka.example.com
      scope: Namespaced
      names: {kind: Topic, plural: topics}
      versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties:
                spec:
                  type: object
                  required: [partitions]
                  properties: {partitions: {type: integer, minimum: 1}}
    """
    topic = "apiVersion: kafka.example.com/v1\nkind: Topic\nmetadata: {name: a}\nspec: SPEC\n"
    assert told(definition, topic.replace("SPEC", "{partitions: 3}")) == []
    for spec, message in (
        ("{}", "spec.partitions is missing"),
        ("{partitions: 0}", "spec.partitions must be at least 1"),
        ("{partition: 2, partitions: 1}", "spec.partition is unknown; did you mean partitions?"),
    ):
        assert [where.partition(" ")[2] for _, where in told(definition, topic.replace("SPEC", spec))] == [message]


def test_an_application_outside_of_what_is_followed_is_told() -> None:
    text = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: a}
    spec:
      source: {repoURL: https://example.com/r, path: x, plugin: {name: y}}
    """
    (found,) = findings(text)
    assert (found.rule, found.line, found.column) == ("application", 5, 53)
    assert "spec.source.plugin" in found.message


def test_secret_values_are_never_shown() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: hunter2, pin: 1234}\n"
    assert "hunter2" not in str(told(text)) and "1234" not in str(told(text))
