"""How long a job is down because of a change, as a class: what a reader of a plan has to know before a merge.

Follows from the effect alone, so it holds offline too; how many seconds a class takes is the cluster's business
(images, JVMs, size of the state). Classes from least to most: none, in-place, savepoint, restart, until-resumed,
for-good.
"""

from dataclasses import dataclass
from enum import StrEnum

from operator_core.decide.plans import Effect
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinksessionjobs


class DowntimeClass(StrEnum):
    """How a job is interrupted."""

    NONE = "none"
    IN_PLACE = "in-place"
    SAVEPOINT = "savepoint"
    RESTART = "restart"
    UNTIL_RESUMED = "until-resumed"
    FOR_GOOD = "for-good"


@dataclass(frozen=True, slots=True)
class Downtime:
    """The class, and what makes up the time."""

    downtime: DowntimeClass
    reason: str


_NOT_UP = Downtime(DowntimeClass.NONE, "nothing runs that could be down")
_JVMS = "its JobManager and TaskManagers start anew"
_SUBMITTED = "it is submitted again to its cluster, which stays up"
_BEFORE = {
    Effect.UPGRADE_SAVEPOINT: (DowntimeClass.SAVEPOINT, "down from that savepoint until it is restored"),
    Effect.UPGRADE_LAST_STATE: (DowntimeClass.RESTART, "what came after that checkpoint is worked on again"),
    Effect.RESTART_STATELESS: (DowntimeClass.RESTART, "down until it starts again"),
    Effect.STATE_LOSS: (DowntimeClass.RESTART, "down until it starts again"),
    Effect.REDEPLOY: (DowntimeClass.RESTART, "down until it starts again"),
}


def of(effect: Effect, manifest: Object) -> Downtime:
    """The downtime that an effect has for the job or session cluster of a manifest: the new one, or that which goes."""
    match effect:
        case Effect.NONE:
            return Downtime(DowntimeClass.NONE, "what runs goes on running")
        case Effect.REJECTED:
            return Downtime(DowntimeClass.NONE, "what runs goes on running; the change is not applied")
        case Effect.CREATE | Effect.RESUME:
            return _NOT_UP
        case Effect.SCALE_IN_PLACE:
            return Downtime(DowntimeClass.IN_PLACE, "the JobManager stays; tasks go on from the newest checkpoint")
        case Effect.SUSPEND:
            return Downtime(DowntimeClass.UNTIL_RESUMED, "down until a commit resumes it")
        case Effect.DELETE:
            return Downtime(DowntimeClass.FOR_GOOD, "it does not come back by itself")
        case _:
            kind, state = _BEFORE[effect]
            return Downtime(kind, f"{state}; {_by_what(manifest)}")


def _by_what(manifest: Object) -> str:
    if manifest.get("kind") == flinksessionjobs.KIND:
        return _SUBMITTED
    if dig(manifest, "spec", "job") is None:
        return f"{_JVMS}, its session jobs are down meanwhile"
    return _JVMS
