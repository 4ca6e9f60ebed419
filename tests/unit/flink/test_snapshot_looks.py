"""Where a checkpoint on request is: by its details, by its neighbours, or not yet by statistics older than itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from operator_core.controllers import snapshotlooks
from operator_core.decide.flinkfacts import Trigger, TriggerCompleted, TriggerPending, TriggerUnknown
from operator_core.flink import errors
from operator_core.flink.requests import FlinkRequest
from operator_core.flink.rest import Address
from operator_core.jsonvalues import Object

DONE: Object = {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 7}}
EMPTY: Object = {"counts": {"completed": 0}, "latest": {"completed": None, "savepoint": None, "restored": None}}


@dataclass(frozen=True, slots=True)
class Flink:
    """Answers by the end of the path; None: not found."""

    trigger: Object | None
    details: Object | None
    statistics: Object | None

    def send(self, address: Address, request: FlinkRequest) -> Object:
        kinds = {"trigger-id": self.trigger, "7": self.details, "checkpoints": self.statistics}
        answer = kinds[request.path.rpartition("/")[2]]
        if answer is None:
            raise errors.JobNotFound(404, "not found")
        return answer

    def reset(self, namespace: str, name: str) -> None:
        """Nothing is remembered."""


def newest(number: int, path: str = "file:/cp/job/chk-{}") -> Object:
    """Statistics whose newest checkpoint is this one."""
    completed = {"id": number, "external_path": path.format(number)}
    return {"counts": {"completed": number}, "latest": {"completed": completed, "savepoint": None, "restored": None}}


@pytest.mark.parametrize(
    ("flink", "answer"),
    [
        pytest.param(Flink(None, None, None), TriggerUnknown(), id="nobody knows the trigger"),
        pytest.param(
            Flink(DONE, {"external_path": "file:/cp/job/chk-7"}, None),
            TriggerCompleted("file:/cp/job/chk-7"),
            id="told",
        ),
        pytest.param(Flink(DONE, None, newest(9)), TriggerCompleted("file:/cp/job/chk-7"), id="beside a later one"),
        pytest.param(Flink(DONE, None, newest(5)), TriggerCompleted("file:/cp/job/chk-7"), id="beside an earlier one"),
        pytest.param(Flink(DONE, None, EMPTY), TriggerPending(), id="statistics of before the first checkpoint"),
        pytest.param(Flink(DONE, {"status": "IN_PROGRESS"}, EMPTY), TriggerPending(), id="all of it of before"),
        pytest.param(Flink(DONE, None, newest(7, "<not-addressable>")), TriggerCompleted(""), id="without a path"),
        pytest.param(Flink(DONE, None, None), TriggerCompleted(""), id="the job is gone"),
    ],
)
def test_where_a_checkpoint_is(flink: Flink, answer: Trigger) -> None:
    address = Address("ns", "app")
    assert snapshotlooks.checkpoint(flink, address, "job", "trigger-id") == answer
