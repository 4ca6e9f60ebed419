"""Write a plan to the cluster: server-side apply, stage by stage, in parallel within a stage.

One object that the API server refuses does not stop the others; losing the API server stops the
rest, because the next pass does it again anyway. What the server answers is the new truth for the
caches, and where it differs from what was sent (a default, a field the schema does not know) the
difference is remembered as accepted, so that it never counts as drift.
"""

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gitsync.apply import adopting, sending
from gitsync.apply.stateguarding import StateGuards
from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Plan, Prune, Step, Update
from gitsync.model.syncapps import REVISION
from gitsync.model.syncstatuses import Problem
from gitsync.plan import deletions, diffing, ordering, planning, pruning
from gitsync.plan.diffing import FIELD_MANAGER, Accepted
from gitsync.plan.stateguards import Failed, Secured, Wait
from operator_core.errors import AgentError, Reason
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource

_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the writes of one plan."""

    answers: Mapping[Identity, Object]
    refused: Mapping[Identity, Problem]
    accepted: Mapping[Identity, Accepted]
    pruned: tuple[Identity, ...]
    """Deleted, and gone as far as the API server told."""
    deleting: Mapping[Identity, Object]
    """Deleted, and still there as the API server answered."""
    securing: Mapping[Identity, str]
    """Jobs that are deleted when their savepoint is complete, and what is awaited."""
    lost: AgentError | None
    """The API server could not be reached any more; the rest was not tried."""


@dataclass(frozen=True, slots=True)
class NewNamespace:
    """A namespace that is made when the first object needs it."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(slots=True)
class _Progress:
    answers: dict[Identity, Object]
    accepted: dict[Identity, Accepted]
    refused: dict[Identity, Problem]
    pruned: list[Identity]
    deleting: dict[Identity, Object]
    securing: dict[Identity, str]
    lost: AgentError | None = None
    unsecured: bool = False
    """Whether a job stays for now, because its state is not kept yet."""


class Applier:
    """Sends the writes of plans. Safe to share between threads."""

    def __init__(self, client: Client, observed: Callable[[Resource, Object], None], guards: StateGuards) -> None:
        self._client = client
        self._guards = guards
        self._observed = observed
        self._lanes = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="apply")

    def apply(self, plan: Plan, still_wanted: Callable[[], bool], *, namespace: NewNamespace | None = None) -> Applied:
        """Write every step that needs it, then prune; `still_wanted` ends it between two stages.

        `namespace` is made when an object needs it and it is not there.
        """
        progress = _Progress({}, {}, {}, [], {}, {})
        revisions = {entry.id: entry.revision or plan.revision for entry in plan.inventory}
        steps = {step.desired.identity: step for step in plan.steps if isinstance(step, Create | Update)}
        for stage in ordering.stages(tuple(steps)):
            if progress.lost is not None or not still_wanted():
                break
            writes = [(steps[identity], revisions.get(str(identity), plan.revision)) for identity in stage]
            list(self._lanes.map(lambda write: self._apply_one(write[0], write[1], namespace, progress), writes))
        if progress.lost is None and not progress.refused and still_wanted():
            self._prune(plan, progress)
        return Applied(
            progress.answers,
            progress.refused,
            progress.accepted,
            tuple(progress.pruned),
            progress.deleting,
            progress.securing,
            progress.lost,
        )

    def close(self) -> None:
        """Let running writes end."""
        self._lanes.shutdown(wait=True)

    def _apply_one(self, step: Step, revision: str, namespace: NewNamespace | None, progress: _Progress) -> None:
        desired = planning.with_annotation(step.desired, REVISION, revision)
        try:
            if isinstance(step, Update) and step.adopts:
                adopting.take_over(self._client, desired)
            answer = sending.whole(lambda form: self._send(form, namespace), step, desired)
        except (errors.Unreachable, errors.TooManyRequests, errors.ServerError) as error:
            progress.lost = error
        except AgentError as error:
            progress.refused[desired.identity] = problem_of(step.desired, error)
        else:
            self._observed(desired.resource, answer)
            progress.answers[desired.identity] = answer
            progress.accepted[desired.identity] = diffing.accepted(step.desired.body, step.desired.digest, answer)

    def _send(self, desired: Desired, namespace: NewNamespace | None) -> Object:
        try:
            return self._client.send(sending.strict_apply(desired))
        except errors.NotFound as error:
            missing = namespace is not None and desired.identity.namespace == namespace.name
            if namespace is None or not missing or "namespaces" not in error.message:
                raise
        meta = {"name": namespace.name, "labels": dict(namespace.labels), "annotations": dict(namespace.annotations)}
        body = {"metadata": {key: value for key, value in meta.items() if value}}
        with contextlib.suppress(errors.AlreadyExists):
            self._client.send(requests.create(requests.NAMESPACES, None, body, field_manager=FIELD_MANAGER))
        return self._client.send(sending.strict_apply(desired))

    def _prune(self, plan: Plan, progress: _Progress) -> None:
        """Delete in the plan's order; what a job uses that is still there for its savepoint stays with it."""
        for removal in plan.removals:
            if not isinstance(removal, Prune) or progress.lost is not None:
                continue
            if removal.by_snapshot or not progress.unsecured:
                self._prune_one(removal, plan.revision, progress)

    def _is_secured(self, removal: Prune, revision: str, progress: _Progress) -> bool:
        """Whether the state of a job is kept or is kept by its deletion. Raises kube errors."""
        identity = removal.identity
        if not removal.by_snapshot:
            if removal.guards_state:
                guard = {"metadata": {"uid": removal.uid, "annotations": {pruning.ON_DELETE: "savepoint"}}}
                patch = requests.merge_patch(
                    removal.resource, identity.namespace or None, identity.name, guard, field_manager="gitsync-status"
                )
                self._client.send(patch)
            return True
        match self._guards.secure(removal, revision):
            case Wait(_, told):
                progress.securing[identity] = told
            case Failed(told):
                progress.refused[identity] = Problem(reason=Reason.SavepointError, message=told, object=identity.shown)
            case Secured():
                return True
        progress.unsecured = True
        return False

    def _prune_one(self, removal: Prune, revision: str, progress: _Progress) -> None:
        identity, resource = removal.identity, removal.resource
        namespace = identity.namespace or None
        try:
            if not self._is_secured(removal, revision, progress):
                return
            request = requests.delete(
                resource, namespace, identity.name, uid=removal.uid, propagation=removal.propagation
            )
            answer = self._client.send(request)
        except errors.NotFound:
            progress.pruned.append(identity)
        except (errors.Unreachable, errors.TooManyRequests, errors.ServerError) as error:
            progress.lost = error
        except AgentError as error:
            text = f"{identity.shown} cannot be deleted: {error.message}"
            progress.refused[identity] = Problem(reason=error.reason, message=text, object=identity.shown)
        else:
            if deletions.of(answer) is not None:
                progress.deleting[identity] = answer
            else:
                progress.pruned.append(identity)


def problem_of(desired: Desired, error: AgentError) -> Problem:
    """The API server's refusal of one object, with the place in Git to mend it."""
    return Problem(
        reason=error.reason,
        message=refusal_text(desired, error),
        file=desired.file,
        line=desired.line,
        object=desired.identity.shown,
    )


def refusal_text(desired: Desired, error: AgentError) -> str:
    """What the API server said, and what to do where that is not obvious."""
    text = " ".join(error.message.split())
    if desired.identity.kind == "Secret":
        # The API server quotes values it does not like.
        return (
            f"{desired.identity.shown} was refused ({error.reason}); the reason may quote the Secret and is not shown"
        )
    if isinstance(error, errors.Forbidden):
        return f"the agent may not write {desired.identity.shown}: {text}"
    if isinstance(error, errors.NotFound) and "namespaces" in text:
        return f"{text}; put the Namespace into Git (CreateNamespace=true makes the app's destination only)"
    return text
