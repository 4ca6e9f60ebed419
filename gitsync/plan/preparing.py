"""From rendered manifests to objects that can be applied, and every reason why one cannot.

Gives namespaced objects the destination's namespace, cluster-scoped ones none, puts the tracking
annotation in, lets the last of two manifests of one object win, and finds what is wrong before
anything is written: a kind nobody serves, a missing name, a namespace nobody said. Pure: which
kinds the API server serves is an argument.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.model import syncpolicies
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Desired
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncapps import REVISION, TRACKING
from gitsync.model.syncstatuses import Problem
from gitsync.plan import annotations as words
from gitsync.plan import hooks, identities, normalizing, ordering
from gitsync.plan.hooks import Hook
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.kube.requests import Resource

Kinds = Mapping[tuple[str, str], Resource | None]
"""(apiVersion, kind) -> how the API server serves it; None: it does not."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The objects of one revision in the order of applying."""

    desired: tuple[Desired, ...]
    waiting: frozenset[Identity]
    """Those whose definition is in the same revision and not served yet."""
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    hooks: tuple[Hook, ...] = ()
    """Objects that run at a point of a sync instead of being kept in sync."""


@dataclass(frozen=True, slots=True)
class _Rejected(Exception):
    reason: Reason
    message: str


def kinds_used(objects: Iterable[RenderedObject]) -> frozenset[tuple[str, str]]:
    """Every (apiVersion, kind) that discovery has to be asked for."""
    return frozenset((str(o.body.get("apiVersion", "")), str(o.body.get("kind", ""))) for o in objects)


def kinds_defined(objects: Iterable[RenderedObject]) -> dict[tuple[str, str], Resource]:
    """The kinds that CustomResourceDefinitions among the objects will add."""
    found: dict[tuple[str, str], Resource] = {}
    for rendered in objects:
        spec = rendered.body.get("spec")
        if rendered.body.get("kind") != "CustomResourceDefinition" or not isinstance(spec, dict):
            continue
        group, kind, plural = (
            str(spec.get("group", "")),
            str(dig(spec, "names", "kind")),
            str(dig(spec, "names", "plural")),
        )
        for version in dig(spec, "versions", default=[]):
            name = str(dig(version, "name"))
            found[(f"{group}/{name}", kind)] = Resource(group, name, plural, kind, spec.get("scope") != "Cluster")
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of an app go, and how unknown kinds are taken.

    `namespace` is empty when the app names none. `waits_for_kinds`: a kind that nobody serves is waited for
    (SkipDryRunOnMissingResource); else it refuses the revision. `validates`: fields no schema knows are refused.
    """

    namespace: str
    waits_for_kinds: bool = False
    validates: bool = True


def prepare(objects: tuple[RenderedObject, ...], kinds: Kinds, app: AppName, place: Place) -> Prepared:
    """The objects of app `app`, sorted into those that are kept in sync and hooks."""
    coming = kinds_defined(objects)
    desired: dict[Identity, Desired] = {}
    found_hooks: list[Hook] = []
    waiting: set[Identity] = set()
    problems: list[Problem] = []
    warnings: list[str] = []
    for rendered in objects:
        if hooks.is_skipped(rendered.body):
            continue
        try:
            one = _prepare_one(rendered, kinds, coming, app, place)
        except _Rejected as rejected:
            problems.append(_problem(rendered, rejected))
            continue
        if hooks.is_hook(one.body):
            hook = hooks.of(one)
            found_hooks += [hook] if hook.phases or hook.deletion else []
            warnings += _never_runs(hook)
            continue
        if one.identity in desired:
            first = desired[one.identity]
            places = f"{first.file}:{first.line} and in {one.file}:{one.line}"
            warnings.append(f"{one.identity.shown} is in {places}; the last one is used")
        if kinds.get((one.resource.api_version, one.resource.kind)) is None:
            waiting.add(one.identity)
        desired[one.identity] = one
    ordered = tuple(sorted(desired.values(), key=lambda one: ordering.rank(one.identity)))
    return Prepared(ordered, frozenset(waiting), tuple(problems), tuple(warnings), tuple(found_hooks))


def _never_runs(hook: Hook) -> list[str]:
    """A word about a hook whose annotation names no phase."""
    if hook.phases or hook.deletion:
        return []
    one = hook.desired
    return [f"{one.file}:{one.line}: {one.identity.shown} is a hook of no known phase: it never runs"]


def _prepare_one(
    rendered: RenderedObject, kinds: Kinds, coming: Mapping[tuple[str, str], Resource], app: AppName, place: Place
) -> Desired:
    body = normalizing.applicable(rendered.body)
    api_version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise _Rejected(Reason.Invalid, "metadata must be a map")
    named = meta.get("name") or (meta.get("generateName") if hooks.is_hook(body) else None)
    if not isinstance(named, str) or not named:
        raise _Rejected(Reason.Invalid, f"a {kind or 'manifest'} has no metadata.name")
    options = words.options(body)
    refused = syncpolicies.refused_of_job(options) if api_version.startswith("flink.apache.org/") else ""
    if refused:
        raise _Rejected(Reason.Invalid, f"{kind} {named}: {refused}")
    patient = place.waits_for_kinds or options.get("SkipDryRunOnMissingResource") == "true"
    resource = kinds.get((api_version, kind)) or coming.get((api_version, kind))
    if resource is None and patient and "/" in api_version:
        resource = _guessed(api_version, kind)
    if resource is None:
        raise _Rejected(
            Reason.UnknownKind,
            f"the cluster does not know the kind {kind} of {api_version}{_advice(api_version, kind)}",
        )
    _place(meta, resource, place.namespace)
    identity = identities.identity_of(body)
    annotations = meta.setdefault("annotations", {})
    if not isinstance(annotations, dict) or any(not isinstance(value, str) for value in annotations.values()):
        raise _Rejected(
            Reason.Invalid, f"the annotations of {identity.shown} must be a map of strings (quote numbers and booleans)"
        )
    annotations.pop(REVISION, None)
    annotations[TRACKING] = identities.tracking_id(app, identity)
    validates = options.get("Validate", str(place.validates).lower()) != "false"
    return Desired(identity, resource, body, normalizing.digest(body), rendered.file, rendered.line, validates)


def _guessed(api_version: str, kind: str) -> Resource:
    """A kind that is waited for, as it is likely to be served."""
    group, _, version = api_version.rpartition("/")
    return Resource(group, version, f"{kind.lower()}s", kind)


def _place(meta: Object, resource: Resource, namespace: str) -> None:
    if not resource.namespaced:
        meta.pop("namespace", None)
    elif not meta.get("namespace"):
        if not namespace:
            raise _Rejected(
                Reason.Invalid,
                f"{resource.kind} {meta.get('name', '')} names no namespace, and neither does the app's destination",
            )
        meta["namespace"] = namespace


def _advice(api_version: str, kind: str) -> str:
    if identities.group_of(api_version) in ("flink.apache.org", "gitsync.io"):
        return "; run `gitsync install` (or the agent with --install-crds)"
    return f"; is {kind!r} spelled right, and is its CustomResourceDefinition installed?"


def _problem(rendered: RenderedObject, rejected: _Rejected) -> Problem:
    return Problem(
        reason=rejected.reason,
        message=rejected.message,
        file=rendered.file,
        line=rendered.line,
        object=identities.identity_of(rendered.body).shown if isinstance(rendered.body.get("metadata"), dict) else None,
    )
