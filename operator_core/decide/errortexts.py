"""The text of `status.error` in the Java operator's JSON form, within the limits the operator's options set.

Exception type, message, stack trace where it is switched on, what is known beside it (reason, HTTP status, labels whose
pattern matches a message) and the causes, no secret in any of them. Reads Java stack traces; knows nothing of
resources.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from operator_core import masking
from operator_core.conf import flattening, options
from operator_core.jsonvalues import Object

JAVA = "org.apache.flink.kubernetes.operator.exception."
SERIALIZED = "org.apache.flink.util.SerializedThrowable"
"""What every exception of a job is, once it has been sent by a JobManager; its message begins with the true class."""
_CAUSE = "Caused by: "


@dataclass(frozen=True, slots=True)
class Problem:
    """An error to write down. `type` is a Java class, or the name of one of the operator's exceptions."""

    type: str
    message: str
    reason: str | None = None
    http_status: int | None = None
    trace: str = ""


def text(problem: Problem, conf: Mapping[str, str]) -> str:
    """The JSON text; `conf` is the effective configuration."""
    limit = options.get_int(conf, options.ERROR_FIELD_LENGTH)
    name = problem.type if "." in problem.type else JAVA + problem.type
    messages = tuple(messages_of(problem.trace)) if problem.trace else ()
    head, causes = (messages[0], messages[1:]) if messages else (problem.message, ())
    body: Object = {"type": name, "message": masking.masked(head)[:limit]}
    if problem.trace and options.get_bool(conf, options.ERROR_TRACE_ENABLED):
        body["stackTrace"] = masking.masked(problem.trace)[: options.get_int(conf, options.ERROR_TRACE_LENGTH)]
    body["additionalMetadata"] = _metadata(problem, (head, *causes), conf)
    count = max(0, options.get_int(conf, options.ERROR_CAUSES))
    body["throwableList"] = [
        {"type": SERIALIZED, "message": masking.masked(cause)[:limit], "additionalMetadata": {}}
        for cause in causes[:count]
    ]
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def messages_of(trace: str) -> Iterator[str]:
    """The message of an exception and of each of its causes, outermost first; suppressed ones are left out."""
    lines: list[str] = []
    suppressed = False
    for line in trace.splitlines():
        stripped = line.strip()
        if line.startswith(_CAUSE):
            yield "\n".join(lines)
            lines, suppressed = [line.removeprefix(_CAUSE)], False
        elif stripped.startswith("Suppressed: "):
            suppressed = True
        elif not suppressed and not stripped.startswith(("at ", "... ")):
            lines.append(line)
    if lines:
        yield "\n".join(lines).strip()


def _metadata(problem: Problem, messages: tuple[str, ...], conf: Mapping[str, str]) -> Object:
    found: Object = {}
    if problem.http_status is not None:
        found["httpResponseCode"] = problem.http_status
    if problem.reason is not None:
        found["reason"] = problem.reason
    labels = [label for pattern, label in _patterns(conf) if any(pattern.search(each) for each in messages)]
    if labels:
        found["labels"] = labels
    return found


def _patterns(conf: Mapping[str, str]) -> Iterator[tuple[re.Pattern[str], str]]:
    """Patterns and their labels; one that is no regular expression labels nothing, nor does a map nobody can read."""
    try:
        labels = flattening.split_map(options.get(conf, options.ERROR_LABELS) or "")
    except ValueError:
        return
    for pattern, label in labels.items():
        try:
            yield re.compile(pattern), label
        except re.error:
            continue
