"""The text of `status.error`: compatible form, limits, causes, labels."""

import json

from operator_core.decide import errortexts, verdicts
from operator_core.decide.errortexts import Problem

HEAD = "org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: For input"
TRACE = f"""{HEAD} string: "abc"
\tat org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:373)
\t... 26 more
\tSuppressed: java.io.IOException: aside
\t\tat x.Y.z(Y.java:1)
Caused by: java.lang.NumberFormatException: For input string: "abc"
second line
\tat java.base/java.lang.Double.parseDouble(Double.java:651)
Caused by: java.lang.Exception: innermost
Caused by: java.lang.Error: too deep
"""
PREFIX = "kubernetes.operator.exception."


def _written(problem: Problem, **conf: str) -> dict:
    return json.loads(errortexts.text(problem, {PREFIX + key.replace("_", "."): value for key, value in conf.items()}))


def test_it_has_the_java_operators_form() -> None:
    """Type, message, and the empty members it always writes."""
    text = errortexts.text(Problem("ValidationException", "Job parallelism must be larger than 0"), {})
    assert text == (
        '{"type":"org.apache.flink.kubernetes.operator.exception.ValidationException",'
        '"message":"Job parallelism must be larger than 0","additionalMetadata":{},"throwableList":[]}'
    )
    assert verdicts.error_message(text) == "Job parallelism must be larger than 0"
    assert _written(Problem("a.b.C", "x"))["type"] == "a.b.C"


def test_a_failed_job_is_told_with_its_causes_as_recorded() -> None:
    """The recorded error of a job whose main method throws, cut to the default number of causes."""
    written = _written(Problem(errortexts.SERIALIZED, "in one line", trace=TRACE))
    assert written["message"] == f'{HEAD} string: "abc"'
    assert [each["message"] for each in written["throwableList"]] == [
        'java.lang.NumberFormatException: For input string: "abc"\nsecond line',
        "java.lang.Exception: innermost",
    ]
    assert {each["type"] for each in written["throwableList"]} == {errortexts.SERIALIZED}
    assert "stackTrace" not in written


def test_the_options_set_the_limits() -> None:
    problem = Problem(errortexts.SERIALIZED, "", trace=TRACE)
    written = _written(
        problem,
        stacktrace_enabled="true",
        stacktrace_max_length="20",
        field_max_length="10",
        throwable_list_max_count="1",
    )
    assert (written["stackTrace"], written["message"]) == (TRACE[:20], TRACE[:10])
    assert [each["message"] for each in written["throwableList"]] == ["java.lang."]


def test_what_is_known_beside_the_message() -> None:
    written = _written(
        Problem("DeploymentFailedException", "no such image", "ImagePullBackOff", 404),
        label_mapper="no such .*:missing,[bad:unread,other:other",
    )
    metadata = {"httpResponseCode": 404, "reason": "ImagePullBackOff", "labels": ["missing"]}
    assert written["additionalMetadata"] == metadata


def test_a_label_may_match_any_cause() -> None:
    written = _written(Problem(errortexts.SERIALIZED, "", trace=TRACE), label_mapper="NumberFormat:input")
    assert written["additionalMetadata"] == {"labels": ["input"]}
