"""Findings as text, JSON and SARIF."""

import json

import pytest

from gitsync.validate import findings, formats
from gitsync.validate.checking import Report
from gitsync.validate.findings import Finding, Severity
from gitsync.validate.places import Places

ONE = Finding("apps/a b.yaml", 3, 5, "schema", Severity.error, "spec.x is\nwrong", "Job a")
TWO = Finding("apps/c.yaml", 0, 0, "kustomize", Severity.advice, "look", "")


def test_text_is_one_line_per_finding() -> None:
    assert formats.text([ONE, TWO]) == (
        "apps/a b.yaml:3:5: error: Job a: spec.x is wrong [schema]\napps/c.yaml: advice: look [kustomize]\n"
    )


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (Report((), 1, ()), "1 object checked: nothing found"),
        (Report((ONE, TWO), 2, ()), "2 objects checked: 1 error, 1 advice"),
        (
            Report((ONE, ONE), 2, ("A of v1",)),
            "2 objects checked: 2 errors\nfields not checked, the kinds have no schema here: A of v1",
        ),
    ],
)
def test_the_summary_counts(report: Report, text: str) -> None:
    assert formats.summary(report) == text


def test_json_has_every_field() -> None:
    document = json.loads(formats.as_json(Report((ONE,), 7, ())))
    assert document["objects"] == 7
    assert document["findings"] == [
        {
            "file": "apps/a b.yaml",
            "line": 3,
            "column": 5,
            "severity": "error",
            "rule": "schema",
            "object": "Job a",
            "message": "spec.x is\nwrong",
        }
    ]


def test_sarif_has_what_code_scanning_reads() -> None:
    log = json.loads(formats.as_sarif(Report((ONE, TWO), 2, ()), "1.2.3"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["kustomize", "schema"]
    first, second = run["results"]
    assert (first["ruleId"], first["level"], second["level"]) == ("schema", "error", "note")
    assert rules[first["ruleIndex"]]["id"] == "schema"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "apps/a%20b.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert "region" not in second["locations"][0]["physicalLocation"]


def test_a_fingerprint_outlives_lines_that_move_and_nothing_else() -> None:
    def mark(line: int, message: str) -> str:
        one = Finding("a.yaml", line, 1, "schema", Severity.error, message)
        result = json.loads(formats.as_sarif(Report((one,), 1, ()), "1"))["runs"][0]["results"][0]
        return str(result["partialFingerprints"])

    assert mark(3, "x") == mark(30, "x") != mark(3, "y")


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("spec.job.jarURI is missing", ("spec", "job", "jarURI")),
        ("spec.flinkConfiguration[a.b]: 'x' is not", ("spec", "flinkConfiguration", "a.b")),
        ("spec.podTemplate.spec.containers[0].name is", ("spec", "podTemplate", "spec", "containers", 0, "name")),
        ("metadata.name: 'X'", ("metadata", "name")),
        ("give one of these", ()),
        ("", ()),
    ],
)
def test_the_field_a_message_begins_with(text: str, steps: tuple[str | int, ...]) -> None:
    assert findings.steps_of(text) == steps


@pytest.mark.parametrize(
    ("field", "place"),
    [
        (("spec", "a"), (4, 3)),
        (("spec", "a", "b"), (4, 7)),
        (("spec", "list", 1), (7, 7)),
        (("spec", "list", 1, "name"), (7, 7)),
        (("spec", "merged"), (2, 11)),
        (("spec", "missing", "deep"), (3, 1)),
        (("nothing",), (1, 1)),
    ],
)
def test_places_of_fields(field: tuple[str | int, ...], place: tuple[int, int]) -> None:
    text = "kind: X\nbase: &b {merged: 1}\nspec:\n  a: {b: 1}\n  list:\n    - name: x\n    - name: y\n  <<: *b\n"
    assert Places(text).find(1, {"kind": "X"}, field) == place


def test_a_broken_text_has_only_lines() -> None:
    assert Places("a: [").find(1, {}, ("a",)) == (1, 0)
