"""That a spec changed is told wherever the change is carried out, of a suspended job as of one that runs."""

import pytest
import sessionsituations as s
from situations import facts, reasons, spec, status, step

from operator_core.decide.decisions import Record, Rest, Step
from operator_core.decide.flinkfacts import Flink

SAVED = {"upgradeSavepointPath": "file:///sp/7"}
GONE = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink()}
ASLEEP = spec(state="suspended")


def of_a_deployment(wanted: dict[str, object], generation: int = 2) -> Step:
    was = status(ASLEEP, how="savepoint", state="FINISHED")
    job = was.job_status.model_copy(update={"upgrade_savepoint_path": SAVED["upgradeSavepointPath"]})
    given = facts(wanted, was.model_copy(update={"job_status": job}), meta={"generation": generation}, **GONE)
    return step(given)


def of_a_session_job(wanted: dict[str, object]) -> Step:
    was = s.status(s.spec(state="suspended"), how="savepoint", job="FINISHED", job_status={**SAVED, "jobId": None})
    return s.decided(wanted, was, session=s.cluster(), flink=Flink(job=None))


@pytest.mark.parametrize("resumed", [lambda: of_a_deployment(spec()), lambda: of_a_session_job(s.spec())])
def test_a_job_that_goes_on_tells_what_changed_before_it_starts(resumed) -> None:
    told = resumed()
    assert isinstance(told.decision, Record) and reasons(told) == ["SpecChanged", "Submit"]
    changed = told.events[0]
    assert (changed.type, changed.component) == ("Normal", "JobManagerDeployment")
    assert "[job.state]" in changed.message


@pytest.mark.parametrize(
    "edited",
    [
        lambda: of_a_deployment({**ASLEEP, "image": "job:2"}),
        lambda: of_a_session_job(s.spec(state="suspended", parallelism=2)),
    ],
)
def test_a_suspended_job_tells_what_it_will_go_on_with(edited) -> None:
    told = edited()
    assert isinstance(told.decision, Rest) and reasons(told) == ["SpecChanged"]


def test_what_makes_no_difference_is_not_told() -> None:
    assert reasons(of_a_deployment(ASLEEP)) == []
    assert reasons(of_a_deployment(spec({"kubernetes.operator.x": "1"}, state="suspended"))) == []
    assert reasons(of_a_session_job(s.spec(state="suspended"))) == []


def test_one_event_is_told_of_one_generation() -> None:
    assert {each.key for each in of_a_deployment(spec(), generation=5).events} == {"SpecChange: 5", None}
