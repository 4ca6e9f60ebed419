"""Hooks: objects that run at a point of a sync instead of being kept in sync.

Argo CD's rules ("Resource Hooks"): the annotation names the phases, Skip keeps an object out altogether, a value
without any known phase is a hook that never runs; a hook may have `generateName`; without a delete policy the former
run is deleted before the next. Each run is an object marked with the sync it belongs to, so that it is never taken
for another one's. Pure.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from gitsync.model.identities import AppName
from gitsync.model.plans import Desired
from gitsync.model.syncapps import TRACKING
from gitsync.plan import annotations, identities, normalizing
from operator_core.jsonvalues import Object, dig

RUN = "gitsync.io/hook-run"
"""Annotation of a hook's object: which sync it runs for."""


class HookPhase(StrEnum):
    """The points of a sync, and of the deletion of an app with its objects."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"


class DeletePolicy(StrEnum):
    """When a run's object goes."""

    BEFORE = "BeforeHookCreation"
    SUCCEEDED = "HookSucceeded"
    FAILED = "HookFailed"


OF_DELETION = frozenset({HookPhase.PRE_DELETE, HookPhase.POST_DELETE})
_PHASES = {phase.value: phase for phase in HookPhase}
_POLICIES = {policy.value: policy for policy in DeletePolicy}


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of a revision; `desired` is its object, without a final name where it has `generateName`."""

    desired: Desired
    phases: frozenset[HookPhase]
    """Those of a sync."""
    policies: frozenset[DeletePolicy]
    wave: int
    deletion: frozenset[HookPhase] = frozenset()
    """Those of the app's deletion."""


@dataclass(frozen=True, slots=True)
class Run:
    """A hook in one phase of one sync: the object to make."""

    hook: Hook
    phase: HookPhase
    desired: Desired

    @property
    def id(self) -> str:
        """How the run is known in the status."""
        return f"{self.phase.value} {self.desired.identity}"


def is_hook(body: Object) -> bool:
    """Whether a manifest is a hook of any kind."""
    return bool(annotations.listed(body, "hook"))


def is_skipped(body: Object) -> bool:
    """Whether a manifest is neither applied nor run."""
    return "Skip" in annotations.listed(body, "hook")


def of(desired: Desired) -> Hook:
    """The hook behind an object."""
    words = annotations.listed(desired.body, "hook")
    policies = frozenset(
        _POLICIES[word] for word in annotations.listed(desired.body, "hook-delete-policy") if word in _POLICIES
    )
    phases = frozenset(_PHASES[word] for word in words if word in _PHASES)
    return Hook(
        desired,
        phases - OF_DELETION,
        policies or frozenset({DeletePolicy.BEFORE}),
        annotations.wave(desired.body),
        phases & OF_DELETION,
    )


def run(hook: Hook, phase: HookPhase, app: AppName, revision: str, mark: str) -> Run:
    """The object to make for a sync of `revision` that is known by `mark`."""
    body, meta = hook.desired.body, hook.desired.body["metadata"]
    name = meta.get("name") or f"{meta['generateName']}{revision[:7]}-{phase.value.lower()}-{mark}"
    identity = replace(hook.desired.identity, name=name)
    own = {**(meta.get("annotations") or {}), RUN: mark, TRACKING: identities.tracking_id(app, identity)}
    kept = {key: value for key, value in meta.items() if key != "generateName"}
    made = {**body, "metadata": {**kept, "name": name, "annotations": own}}
    return Run(hook, phase, replace(hook.desired, identity=identity, body=made, digest=normalizing.digest(made)))


def belongs(live: Object, mark: str) -> bool:
    """Whether a live object is this sync's own run."""
    return bool(dig(live, "metadata", "annotations", RUN) == mark)
