"""Findings as people, programs and code-scanning services read them.

Pure. Text is one finding per line as compilers write it, so that editors and CI find the place.
SARIF is version 2.1.0 (OASIS) with what GitHub's and GitLab's code scanning use of it; a finding keeps its
fingerprint when lines above it change.
"""

import hashlib
import json
from collections.abc import Iterable
from urllib.parse import quote

from gitsync.validate.checking import Report
from gitsync.validate.findings import RULES, Finding, Severity
from operator_core.jsonvalues import Object

_LEVELS = {Severity.error: "error", Severity.warning: "warning", Severity.advice: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(findings: Iterable[Finding]) -> str:
    """`file:line:column: severity: Kind name: message [rule]`, one per line."""
    return "".join(f"{_line(one)}\n" for one in findings)


def _line(one: Finding) -> str:
    place = ":".join([one.file or "-", *(str(number) for number in (one.line, one.column) if number)])
    about = f"{one.object}: " if one.object else ""
    return f"{place}: {one.severity.value}: {about}{' '.join(one.message.split())} [{one.rule}]"


def summary(report: Report) -> str:
    """How much was checked and what was found, in one or two lines."""
    counts = [
        f"{number} {severity.value if number == 1 or severity is Severity.advice else f'{severity.value}s'}"
        for severity in reversed(Severity)
        if (number := sum(one.severity is severity for one in report.findings))
    ]
    objects = f"{report.objects} object{'' if report.objects == 1 else 's'}"
    first = f"{objects} checked: {', '.join(reversed(counts)) or 'nothing found'}"
    if not report.unknown:
        return first
    kinds = ", ".join(report.unknown[:5]) + (", …" if len(report.unknown) > 5 else "")
    return f"{first}\nfields not checked, the kinds have no schema here: {kinds}"


def as_json(report: Report) -> str:
    """One object: `findings`, `objects`, `unknownKinds`."""
    document: Object = {
        "objects": report.objects,
        "unknownKinds": list(report.unknown),
        "findings": [one.to_json() for one in report.findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_sarif(report: Report, version: str) -> str:
    """A SARIF log with one run; files are relative to the root of the repository."""
    used = sorted({one.rule for one in report.findings})
    driver: Object = {
        "name": "gitsync",
        "semanticVersion": version,
        "rules": [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in used],
    }
    run: Object = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository."}}},
        "results": [_result(one, used) for one in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(one: Finding, used: list[str]) -> Object:
    physical: Object = {"artifactLocation": {"uri": quote(one.file or "."), "uriBaseId": "SRCROOT"}}
    if one.line:
        physical["region"] = {"startLine": one.line, **({"startColumn": one.column} if one.column else {})}
    location: Object = {"physicalLocation": physical}
    if one.object:
        location["logicalLocations"] = [{"fullyQualifiedName": one.object, "kind": "resource"}]
    mark = "\0".join((one.rule, one.file, one.object, one.message))
    return {
        "ruleId": one.rule,
        "ruleIndex": used.index(one.rule),
        "level": _LEVELS[one.severity],
        "message": {"text": f"{one.object}: {one.message}" if one.object else one.message},
        "locations": [location],
        "partialFingerprints": {"gitsync/v1": hashlib.sha256(mark.encode()).hexdigest()},
    }
