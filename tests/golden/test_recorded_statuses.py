"""Statuses that the Java operator wrote about real jobs mean the same here: nothing is to be done, nothing is lost.

A fixture is a resource with its status and JobManager Deployment, as recorded.
"""

import json
from pathlib import Path

import pytest

from operator_core.decide import specdiff
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, lastspecs

FIXTURES = {path.stem: path for path in sorted((Path(__file__).parent / "statuses").glob("*.json"))}
SETTLED = [name for name in FIXTURES if name != "rolled-back"]


def resource(name: str) -> Object:
    found: Object = json.loads(FIXTURES[name].read_text())["resource"]
    return found


@pytest.mark.parametrize("name", FIXTURES)
def test_a_recorded_spec_is_written_back_letter_by_letter(name: str) -> None:
    records = resource(name)["status"]["reconciliationStatus"]
    for text in (records.get("lastReconciledSpec"), records.get("lastStableSpec")):
        if text:
            decoded = lastspecs.decode(text)
            assert lastspecs.encode(decoded.spec, first_deployment=decoded.first_deployment) == text


@pytest.mark.parametrize("name", SETTLED)
def test_what_runs_is_what_the_resource_asks_for(name: str) -> None:
    found = resource(name)
    last = lastspecs.decode(found["status"]["reconciliationStatus"]["lastReconciledSpec"])
    assert specdiff.classify(last.spec, found["spec"]).type is specdiff.DiffType.IGNORE


def test_a_rolled_back_resource_asks_for_something_else_than_what_is_recorded_as_stable() -> None:
    found = resource("rolled-back")
    records = found["status"]["reconciliationStatus"]
    stable, last = (lastspecs.decode(records[key]) for key in ("lastStableSpec", "lastReconciledSpec"))
    assert specdiff.classify(stable.spec, found["spec"]).type is specdiff.DiffType.UPGRADE
    assert specdiff.classify(last.spec, found["spec"]).type is specdiff.DiffType.IGNORE


@pytest.mark.parametrize("name", FIXTURES)
def test_no_field_of_a_status_is_lost(name: str) -> None:
    """Numbers may be written as numbers or texts; empty members may be left out."""
    status = resource(name)["status"]
    parsed = flinkdeployments.parse({"metadata": {"name": "app"}, "status": status}).status
    kept = _without_empty(parsed.to_json())
    assert kept == _without_empty(status)


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        shown = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in shown.items() if item not in (None, "", [], {})}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value
