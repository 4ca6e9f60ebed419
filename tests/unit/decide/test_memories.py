"""What a status remembers: of both kinds, kept by whatever is told afterwards, and of live resources as read."""

import pytest
import sessionsituations as s

from operator_core.decide import conditions, memories, verdicts
from operator_core.model.flinkdeployments import FlinkDeploymentStatus
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus
from operator_core.model.statuses import Condition

NOTED = {"failed-restarts": "2", "final-snapshot": ""}


@pytest.mark.parametrize("status", [FlinkDeploymentStatus(), FlinkSessionJobStatus()], ids=["deployment", "job"])
def test_what_is_remembered_is_known_again_and_nothing_else(status) -> None:
    noted = memories.remembering(status, NOTED)
    assert memories.of(noted) == NOTED
    assert memories.of_resource({"status": noted.to_json()}) == NOTED
    assert memories.of(memories.remembering(noted, {"a": "b"})) == {"a": "b"}
    assert memories.of(memories.remembering(noted, {})) == {}


def test_whatever_is_told_of_a_session_job_it_goes_on_remembering() -> None:
    noted = memories.remembering(s.status(s.spec()), NOTED)
    facts = s.facts(s.spec(), noted, session=s.cluster())
    told = conditions.published(facts, noted, facts.last, verdicts.Fine())
    assert memories.of(told) == NOTED
    assert {condition.type for condition in told.conditions} == {"Running", "Ready", "Remembers"}
    assert memories.are_kept(told)


def test_what_nobody_can_read_is_no_memory() -> None:
    for text in ("{", "[]", ""):
        broken = Condition(type="Remembers", status="True", reason="Noted", message=text)
        assert memories.of(FlinkSessionJobStatus(conditions=(broken,))) == {}
    assert memories.of_resource(None) == {}
    assert not memories.are_kept(FlinkSessionJobStatus())
