"""Every invalid resource under tests/invalid is refused with exactly the messages at the top of its file.

A second document in a file is the resource as it was deployed before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gitsync.validate import flinkrules
from gitsync.validate.findings import Severity
from operator_core.conf import defaults as layers
from operator_core.decide import sessionrules, validation
from operator_core.decide.plans import Effect, effect_of
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, flinksessionjobs, lastspecs

DIRECTORY = Path(__file__).parents[2] / "invalid"


@dataclass(frozen=True)
class Invalid:
    """A file: its messages, the resource, and what was deployed before."""

    name: str
    told: tuple[str, ...]
    resource: Object
    before: Object | None


def _read() -> Iterator[Invalid]:
    for file in sorted(DIRECTORY.glob("*/*.yaml")):
        text = file.read_text()
        told = tuple(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))
        resource, *before = yaml.safe_load_all(text)
        yield Invalid(f"{file.parent.name}/{file.stem}", told, resource, before[0] if before else None)


ALL = list(_read())
SESSION_JOBS = [one for one in ALL if one.resource["kind"] == "FlinkSessionJob"]
DEPLOYMENTS = [one for one in ALL if one.resource["kind"] == "FlinkDeployment"]


def test_there_are_enough_of_each_kind() -> None:
    kinds = [one.resource["kind"] for one in ALL]
    assert len(kinds) >= 80
    assert {kind: kinds.count(kind) > 4 for kind in kinds} == dict.fromkeys(
        ("FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot"), True
    )


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=lambda one: one.name)
def test_the_loop_refuses_it(one: Invalid) -> None:
    last = lastspecs.decode(lastspecs.encode(one.before["spec"], first_deployment=False)) if one.before else None
    assert validation.validate(flinkdeployments.parse(one.resource), last, layers.NONE) == one.told


@pytest.mark.parametrize("one", SESSION_JOBS, ids=lambda one: one.name)
def test_the_loop_refuses_the_session_job(one: Invalid) -> None:
    last = lastspecs.decode(lastspecs.encode(one.before["spec"], first_deployment=False)) if one.before else None
    assert sessionrules.validate(flinksessionjobs.parse(one.resource), last, None, layers.NONE) == one.told


@pytest.mark.parametrize("one", [one for one in ALL if one.before is None], ids=lambda one: one.name)
def test_it_is_found_before_a_merge(one: Invalid) -> None:
    try:
        found = [t.message for t in flinkrules.troubles(one.resource, layers.NONE) if t.severity is Severity.error]
    except Stalled as error:
        found = [error.message]
    assert tuple(found) == one.told


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=lambda one: one.name)
def test_a_plan_says_that_it_would_be_rejected(one: Invalid) -> None:
    live = None
    if one.before is not None:
        record = lastspecs.encode(one.before["spec"], first_deployment=False)
        live = {**one.before, "status": {"reconciliationStatus": {"lastReconciledSpec": record}}}
    told = effect_of(one.before, one.resource, live=live)
    assert (told.effect, told.reason) == (Effect.REJECTED, "; ".join(one.told))


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_message_names_a_field_and_says_what_to_do(one: Invalid) -> None:
    assert one.told
    for message in one.told:
        assert message.startswith(("spec", "metadata.name"))
        assert any(word in message for word in (";", "give", "needs", "use "))
