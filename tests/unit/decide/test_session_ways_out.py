"""Every dead end of a session job in docs/waysout.md: its reason, its remedy, and the requests that open it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sessionsituations as s

from operator_core.decide import sessionjobs, verdicts
from operator_core.decide.decisions import Record
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot, TriggerUnknown
from operator_core.decide.records import NOT_ADDRESSABLE
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import Condition

TABLE = (Path(__file__).parents[3] / "docs/waysout.md").read_text().partition("FlinkSessionJob |")[2]
CHANGED = s.spec(parallelism=2)
STOP = {"triggerId": "b" * 32, "triggerTimestamp": s.NOW_MS - 40_000, "triggerType": "UPGRADE"}
UNADDRESSABLE = Snapshot(7, NOT_ADDRESSABLE, s.NOW_MS - 90_000, is_savepoint=False, is_terminal=False)
TOLD = (Condition(type="Ready", status="True", reason="Running", message=""),)


def _facts(wanted: Object, how: str, flink: Flink, deployed: Object | None = None, **more: object) -> SessionFacts:
    was = s.status(deployed or s.spec(), how=how, **more).model_copy(update={"conditions": TOLD})
    return s.facts(wanted, was, session=s.cluster(), flink=replace(flink, exceptions=()))


def _ended(newest: Snapshot | None, completed: int) -> Flink:
    left = Checkpoints(enabled=True, completed=completed, newest=newest, restored=None)
    return Flink(job=s.job("FAILED", end=s.NOW_MS - 60_000), checkpoints=left)


DEAD_ENDS = [
    pytest.param("Missing", _facts(s.spec(), "savepoint", Flink(job=None)), id="lost"),
    pytest.param(
        "UpgradeFailed",
        _facts(CHANGED, "savepoint", Flink(job=None, trigger=TriggerUnknown()), job_status={"savepointInfo": STOP}),
        id="lost in its stop",
    ),
    pytest.param("UpgradeFailed", _facts(CHANGED, "savepoint", _ended(None, 0)), id="nothing recorded"),
    pytest.param("CheckpointNotFound", _facts(CHANGED, "savepoint", _ended(UNADDRESSABLE, 1)), id="without a path"),
    pytest.param("CheckpointNotFound", _facts(CHANGED, "savepoint", _ended(None, 3)), id="deleted"),
    pytest.param(
        "RestoreFailed",
        _facts(s.spec(), "savepoint", Flink(job=None), s.spec(state="suspended"), job="FINISHED"),
        id="no state recorded",
    ),
]


@pytest.mark.parametrize(("reason", "given"), DEAD_ENDS)
def test_a_dead_end_of_a_session_job_names_its_way_out_and_that_opens_it(reason: str, given: SessionFacts) -> None:
    blocked = sessionjobs.decide(given)
    found = next(each for each in blocked.status.conditions if each.type == verdicts.UPGRADE_BLOCKED)
    assert (found.status, found.reason) == ("True", reason), found
    assert "gitsync.io/restore-from" in found.message and "gitsync.io/accept-state-loss" in found.message
    opened = sessionjobs.decide(_asking(given, "accept-state-loss", "one"))
    assert isinstance(opened.decision, Record)
    assert verdicts.handled_requests(opened.status) == ("one",)
    named = sessionjobs.decide(_asking(given, "restore-from", "two s3://bucket/chk-1"))
    assert named.status.job_status.upgrade_savepoint_path == "s3://bucket/chk-1"
    assert f"| `{reason}` |" in TABLE


def _asking(given: SessionFacts, request: str, value: str) -> SessionFacts:
    annotations = {**dig(given.resource, "metadata", "annotations", default={}), f"gitsync.io/{request}": value}
    return replace(
        given, resource={**given.resource, "metadata": {**given.resource["metadata"], "annotations": annotations}}
    )
