"""Which spec a resource is reconciled to: its own, or the last accepted one while its own is refused.

A refused spec never stops a job: until the next good one the record before it holds (operator behaviour on
validation failure). An upgrade already under way then ends on the recorded spec. Also reads the requests
people make by annotation. Looks at no live object.
"""

from dataclasses import dataclass

from operator_core.decide import giveups, verdicts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.jsonvalues import Object, dig

RESTORE_FROM = "gitsync.io/restore-from"
ACCEPT_STATE_LOSS = "gitsync.io/accept-state-loss"
ON_DELETE = "gitsync.io/on-delete"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The spec to reach and the generation it came with."""

    spec: Object
    generation: int
    rolls_back: bool = False
    """Whether this is the last stable spec, wanted because the resource's own was given up."""

    @property
    def running(self) -> bool:
        """Whether the job is meant to run."""
        return bool(dig(self.spec, "job", "state", default="running") == "running")

    @property
    def upgrade_mode(self) -> str:
        """How the user wants state to be carried over."""
        return str(dig(self.spec, "job", "upgradeMode", default="stateless"))


def wanted(facts: JobFacts[S]) -> Wanted:
    """The spec to reach. Only to be called once something was accepted or the resource's own spec is valid.

    The record does not say which upgrade mode the user had accepted (its own says how the job was restored), so
    while a spec is refused state is never given up.
    """
    if facts.last is not None and giveups.holds(facts):
        mode = dig(facts.resource, "spec", "job", "upgradeMode", default="stateless")
        job = {**facts.last.spec["job"], "state": "running", "upgradeMode": "savepoint" if facts.invalid else mode}
        return Wanted({**facts.last.spec, "job": job}, facts.generation, rolls_back=True)
    if facts.invalid is None:
        return Wanted(facts.resource["spec"], facts.generation)
    if facts.last is None:
        raise ValueError("neither the resource's spec nor an earlier one can be used")
    generation = facts.status.observed_generation or facts.generation
    if facts.last.spec.get("job") is None:
        return Wanted(facts.last.spec, generation)
    job = {**facts.last.spec["job"], "upgradeMode": "savepoint"}
    if facts.status.reconciliation_status.state in ("UPGRADING", "ROLLING_BACK"):
        job["state"] = "running"
    return Wanted({**facts.last.spec, "job": job}, generation)


@dataclass(frozen=True, slots=True)
class RestoreFrom:
    """Deploy again from this state; `path` None means the newest known."""

    id: str
    path: str | None


@dataclass(frozen=True, slots=True)
class AcceptStateLoss:
    """Where state cannot be found, start without it."""

    id: str


UserRequest = RestoreFrom | AcceptStateLoss


def request(facts: JobFacts[S]) -> UserRequest | None:
    """The request that was not yet carried out; restore-from before accept-state-loss. An id has no spaces."""
    annotations = dig(facts.resource, "metadata", "annotations", default={})
    handled = verdicts.handled_requests(facts.status)
    text = str(annotations.get(RESTORE_FROM) or "").split(maxsplit=1)
    if len(text) == 2 and text[0] not in handled:
        return RestoreFrom(text[0], None if text[1].strip() == "latest" else text[1].strip())
    return accepted_loss(facts)


def accepted_loss(facts: JobFacts[S]) -> AcceptStateLoss | None:
    """The request to start without state that was not yet carried out, whatever else is asked for."""
    annotations = dig(facts.resource, "metadata", "annotations", default={})
    loss = str(annotations.get(ACCEPT_STATE_LOSS) or "").split()
    return AcceptStateLoss(loss[0]) if loss and loss[0] not in verdicts.handled_requests(facts.status) else None


def requested_paths(facts: JobFacts[S]) -> tuple[str, ...]:
    """The paths that a request, handled or not, names."""
    annotations = dig(facts.resource, "metadata", "annotations", default={})
    text = str(annotations.get(RESTORE_FROM) or "").split(maxsplit=1)
    return (text[1].strip(),) if len(text) == 2 and text[1].strip() != "latest" else ()
