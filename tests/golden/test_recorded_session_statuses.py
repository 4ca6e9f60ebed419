"""Statuses that the Java operator wrote about real session jobs mean the same here, and are written the same.

A fixture is a FlinkSessionJob as recorded after one step of its life: submitted, upgraded and resumed with a
savepoint, suspended with one.
"""

import json
from pathlib import Path

import pytest

from operator_core.decide import specdiff
from operator_core.jsonvalues import Object
from operator_core.model import flinksessionjobs, lastspecs

FIXTURES = {path.stem: path for path in sorted((Path(__file__).parent / "sessionstatuses").glob("*.json"))}


def resource(name: str) -> Object:
    found: Object = json.loads(FIXTURES[name].read_text())
    return found


def test_every_step_is_there() -> None:
    assert set(FIXTURES) == {"submitted", "upgraded", "suspended", "resumed"}


@pytest.mark.parametrize("name", FIXTURES)
def test_a_recorded_spec_is_written_back_letter_by_letter(name: str) -> None:
    records = resource(name)["status"]["reconciliationStatus"]
    for text in (records["lastReconciledSpec"], records["lastStableSpec"]):
        decoded = lastspecs.decode(text)
        assert lastspecs.encode(decoded.spec, first_deployment=decoded.first_deployment) == text


@pytest.mark.parametrize("name", FIXTURES)
def test_what_runs_is_what_the_resource_asks_for(name: str) -> None:
    found = resource(name)
    last = lastspecs.decode(found["status"]["reconciliationStatus"]["lastReconciledSpec"])
    assert specdiff.classify(last.spec, found["spec"]).type is specdiff.DiffType.IGNORE


@pytest.mark.parametrize("name", FIXTURES)
def test_no_field_is_lost_and_none_is_added(name: str) -> None:
    """Conditions are ours alone (docs/differences.md); nothing else may differ in a member or in its form."""
    status = resource(name)["status"]
    parsed = flinksessionjobs.parse({"metadata": {"name": "sj"}, "status": status}).status
    written = parsed.to_json()
    assert _without_empty(written) == _without_empty(status)
    assert {key for key in written if written[key] not in (None, [], {})} == set(status)


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        shown = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in shown.items() if item not in (None, "", [], {})}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value
