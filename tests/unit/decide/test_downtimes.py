"""The downtime class of every effect, for jobs, session clusters and session jobs."""

import pytest

from operator_core.decide import downtimes
from operator_core.decide.downtimes import DowntimeClass
from operator_core.decide.plans import Effect
from operator_core.jsonvalues import Object

JOB: Object = {"kind": "FlinkDeployment", "spec": {"job": {"parallelism": 1}}}
CLUSTER: Object = {"kind": "FlinkDeployment", "spec": {}}
SESSION_JOB: Object = {"kind": "FlinkSessionJob", "spec": {"job": {"parallelism": 1}}}
EXPECTED = {
    Effect.NONE: DowntimeClass.NONE,
    Effect.REJECTED: DowntimeClass.NONE,
    Effect.CREATE: DowntimeClass.NONE,
    Effect.RESUME: DowntimeClass.NONE,
    Effect.SCALE_IN_PLACE: DowntimeClass.IN_PLACE,
    Effect.UPGRADE_SAVEPOINT: DowntimeClass.SAVEPOINT,
    Effect.UPGRADE_LAST_STATE: DowntimeClass.RESTART,
    Effect.RESTART_STATELESS: DowntimeClass.RESTART,
    Effect.STATE_LOSS: DowntimeClass.RESTART,
    Effect.REDEPLOY: DowntimeClass.RESTART,
    Effect.SUSPEND: DowntimeClass.UNTIL_RESUMED,
    Effect.DELETE: DowntimeClass.FOR_GOOD,
}


@pytest.mark.parametrize("effect", Effect)
def test_every_effect_has_a_class_and_a_reason(effect: Effect) -> None:
    for manifest in (JOB, CLUSTER, SESSION_JOB):
        found = downtimes.of(effect, manifest)
        assert found.downtime is EXPECTED[effect]
        assert found.reason


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (JOB, "its JobManager and TaskManagers start anew"),
        (CLUSTER, "its session jobs are down meanwhile"),
        (SESSION_JOB, "its cluster, which stays up"),
    ],
)
def test_the_reason_says_what_has_to_start(manifest: Object, words: str) -> None:
    assert words in downtimes.of(Effect.REDEPLOY, manifest).reason
