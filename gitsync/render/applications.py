"""An Argo CD Application found in Git as a SyncApp of this agent.

Pure. What a SyncApp's own model has is carried over word for word, what means nothing here is left
out, and everything else refuses the whole Application by name: an app that is half understood would
apply or prune the wrong thing. Rules: Argo CD's Application specification; which options have no
effect because gitsync always (or never) works that way is the table below.
"""

import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from gitsync.model import sources, syncapps, syncpolicies
from operator_core.jsonvalues import Json, Object, dig

GROUP = "argoproj.io"
KIND = "Application"
CASCADE = "resources-finalizer.argocd.argoproj.io"
"""Argo CD's finalizer: deleting the Application deletes its objects. Variants follow a slash."""
_OF_SOURCE = re.compile(r"spec\.sources?(\[\d+\])?\.")
_WITHOUT_EFFECT: Mapping[str, str] = {
    "spec.info": "it is only shown",
}
_KEPT_ANNOTATIONS = ("argocd.argoproj.io/sync-wave", "argocd.argoproj.io/sync-options", "gitsync.io/")
_OWN_TRACKING = (syncapps.TRACKING, syncapps.REVISION)


@dataclass(frozen=True, slots=True)
class Child:
    """A SyncApp to make. `cascades`: deleting it deletes its objects. `notes`: what was left out and why."""

    body: Object
    cascades: bool
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Refused:
    """An Application that is not followed, and each field that is to blame with the reason."""

    name: str
    reasons: tuple[tuple[str, str], ...]

    @property
    def message(self) -> str:
        """One sentence for a condition."""
        told = "; ".join(f"{field} {why}" for field, why in self.reasons)
        return f"the Application {self.name} is not followed: {told}"


def is_application(body: Object) -> bool:
    """Whether a manifest is an Argo CD Application, of any version."""
    return str(body.get("apiVersion", "")).startswith(f"{GROUP}/") and body.get("kind") == KIND


def translate(body: Object, namespace: str) -> Child | Refused:
    """The SyncApp for an Application; it is made in the agent's `namespace`, as Applications are in Argo CD's."""
    name = str(dig(body, "metadata", "name", default=""))
    given = body.get("spec")
    if not isinstance(given, dict):
        return Refused(name, (("spec", "is missing"),))
    spec, reasons = _with_one_source(given)
    notes: list[str] = []
    if not reasons:
        reasons += list(_tool_problems(spec))
        spec = _carried(spec, syncapps.Spec, "spec", notes, reasons)
    if not reasons:
        reasons += list(_model_problems(spec))
    if reasons:
        return Refused(name, tuple(reasons))
    return Child(_manifest(body, name, namespace, spec), _cascades(body), tuple(notes))


def _with_one_source(spec: Object) -> tuple[Object, list[tuple[str, str]]]:
    """`sources` wins over `source` when it has any; a single one is the same as `source`."""
    sources = spec.get("sources")
    if not sources:
        rest = {key: value for key, value in spec.items() if key != "sources"}
        if not isinstance(rest.get("source"), dict):
            return rest, [("spec.source", "is missing")]
        return rest, []
    if not isinstance(sources, list) or not all(isinstance(one, dict) for one in sources):
        return spec, [("spec.sources", "must be a list of sources")]
    rest = {key: value for key, value in spec.items() if key not in ("source", "sources")}
    if len(sources) == 1:
        return {**rest, "source": sources[0]}, []
    return {**rest, "sources": sources}, []


def _tool_problems(spec: Object) -> Iterator[tuple[str, str]]:
    for place, source in _sources(spec):
        yield from ((f"{place}.{field}", why) for field, why in sources.problems(source))
        if not source.get("repoURL"):
            yield f"{place}.repoURL", "is missing"
        if not any(source.get(one) for one in ("path", "chart", "ref")):
            yield f"{place}.path", "is missing"


def _sources(spec: Object) -> list[tuple[str, Object]]:
    if "sources" in spec:
        return [(f"spec.sources[{number}]", one) for number, one in enumerate(spec["sources"])]
    return [("spec.source", spec["source"])]


def _carried(
    value: Object, model: type[BaseModel], path: str, notes: list[str], reasons: list[tuple[str, str]]
) -> Object:
    """The members a SyncApp has; `notes` and `reasons` take what is left out and what is refused."""
    fields = _fields(model)
    kept: Object = {}
    for key, item in value.items():
        place = f"{path}.{key}"
        within = _OF_SOURCE.match(place)
        if item is None or ((within or key not in fields) and sources.is_empty(item)):
            continue
        why = sources.IGNORED.get(place[within.end() :]) if within else _WITHOUT_EFFECT.get(place)
        if why is not None:
            notes.append(f"{place} is left out: {why}")
        elif place == "spec.syncPolicy.syncOptions":
            kept[key] = _options(item, place, reasons)
        elif key not in fields:
            reasons.append((place, "is not supported by this release"))
        else:
            kept[key] = _below(item, fields[key], place, notes, reasons)
    return kept


def _below(
    item: Json, model: type[BaseModel] | None, place: str, notes: list[str], reasons: list[tuple[str, str]]
) -> Json:
    if model is None:
        return item
    if isinstance(item, list):
        return [_below(one, model, f"{place}[{number}]", notes, reasons) for number, one in enumerate(item)]
    return _carried(item, model, place, notes, reasons) if isinstance(item, dict) else item


def _options(given: Json, place: str, reasons: list[tuple[str, str]]) -> list[str]:
    kept: list[str] = []
    for option in given if isinstance(given, list) else [given]:
        text = str(option).replace(" ", "")
        try:
            kept.append(syncpolicies.checked_option(text))
        except ValueError as error:
            reasons.append((place, str(error)))
    return kept


def _model_problems(spec: Object) -> Iterator[tuple[str, str]]:
    """What the SyncApp's own model says about values."""
    try:
        syncapps.Spec.model_validate(spec)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            yield ".".join(["spec", *map(str, detail["loc"])]), f"is not valid: {detail['msg']}"


def _manifest(body: Object, name: str, namespace: str, spec: Object) -> Object:
    meta: Object = {"name": name, "namespace": namespace}
    labels = dig(body, "metadata", "labels")
    if isinstance(labels, dict) and labels:
        meta["labels"] = dict(labels)
    annotations = dig(body, "metadata", "annotations", default={})
    kept = {
        key: value
        for key, value in annotations.items()
        if key.startswith(_KEPT_ANNOTATIONS) and key not in _OWN_TRACKING
    }
    if kept:
        meta["annotations"] = kept
    return {"apiVersion": syncapps.API_VERSION, "kind": syncapps.KIND, "metadata": meta, "spec": _plain(spec)}


def _plain(spec: Object) -> Object:
    """Without what says nothing: empty texts mean the default in an Application."""
    project = spec.get("project") or "default"
    return {**spec, "project": project}


def _cascades(body: Object) -> bool:
    finalizers = dig(body, "metadata", "finalizers", default=[])
    return any(isinstance(one, str) and one.partition("/")[0] == CASCADE for one in finalizers)


def _fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """A model's fields by their name in a manifest, with the model below where there is one."""
    return {field.alias or name: next(_models(field.annotation), None) for name, field in model.model_fields.items()}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _models(part)
