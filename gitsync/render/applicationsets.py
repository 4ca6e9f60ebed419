"""An Argo CD ApplicationSet found in Git as the SyncApps it generates.

Pure; repositories are looked into through a function. All or nothing: a set with any generator,
field, template or Application that is not understood is refused as a whole by name, and the caller
leaves its existing children untouched. Rules: Argo CD's ApplicationSet specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render import applications, generators
from gitsync.render.applications import Child, Refused
from gitsync.render.gotemplatevalues import TemplateError
from gitsync.render.parametersets import Look, Parameters, Refusal, Templating
from operator_core.jsonvalues import Json, Object, dig

KIND = "ApplicationSet"
SET = "gitsync.io/application-set"
"""Annotation of a generated SyncApp: the name of its set."""
_SPEC = ("generators", "template", "templatePatch", "syncPolicy", "goTemplate", "goTemplateOptions")
_POLICY = ("applicationsSync", "preserveResourcesOnDeletion")
_MAY = {
    "": (True, True),
    "sync": (True, True),
    "create-only": (False, False),
    "create-update": (True, False),
    "create-delete": (False, True),
}
"""applicationsSync -> may update, may delete."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What a set generates, and what may happen to children that exist: `updates` them, `deletes` those that left."""

    name: str
    children: tuple[Child, ...]
    updates: bool
    deletes: bool


def is_set(body: Object) -> bool:
    """Whether a manifest is an ApplicationSet, of any version."""
    return str(body.get("apiVersion", "")).startswith(f"{applications.GROUP}/") and body.get("kind") == KIND


def expand(body: Object, namespace: str, look: Look) -> Generated | Refused:
    """The SyncApps of a set in the agent's `namespace`."""
    name = str(dig(body, "metadata", "name", default=""))
    spec = body.get("spec")
    try:
        if not isinstance(spec, dict):
            raise Refusal("spec", "is missing")
        _check(spec)
        updates, deletes = _policy(spec)
        children = tuple(_children(name, spec, namespace, look))
    except Refusal as error:
        return Refused(f"set {name}", ((error.field, error.why),))
    except TemplateError as error:
        return Refused(f"set {name}", (("spec.template", f"cannot be filled in: {error}"),))
    return Generated(name, children, updates, deletes)


def _check(spec: Object) -> None:
    for key, value in spec.items():
        if key not in _SPEC and value not in (None, "", [], {}, False):
            raise Refusal(f"spec.{key}", "is not supported")
    for key, value in (spec.get("syncPolicy") or {}).items():
        if key not in _POLICY and value not in (None, "", False):
            raise Refusal(f"spec.syncPolicy.{key}", "is not supported")
    if not isinstance(spec.get("generators"), list) or not spec["generators"]:
        raise Refusal("spec.generators", "is missing")
    if not isinstance(dig(spec, "template", "spec"), dict):
        raise Refusal("spec.template.spec", "is missing")


def _policy(spec: Object) -> tuple[bool, bool]:
    wanted = dig(spec, "syncPolicy", "applicationsSync", default="")
    if wanted not in _MAY:
        raise Refusal("spec.syncPolicy.applicationsSync", f"must be one of {', '.join(one for one in _MAY if one)}")
    return _MAY[wanted]


def _templating(spec: Object) -> Templating:
    strict = not spec.get("goTemplate")
    for option in spec.get("goTemplateOptions") or []:
        if option not in ("missingkey=error", "missingkey=default", "missingkey=invalid"):
            raise Refusal("spec.goTemplateOptions", f"has {option!r}, which is not supported")
        strict = option == "missingkey=error"
    return Templating(bool(spec.get("goTemplate")), strict)


def _children(name: str, spec: Object, namespace: str, look: Look) -> Iterator[Child]:
    templating = _templating(spec)
    seen: set[str] = set()
    for number, generator in enumerate(spec["generators"]):
        field = f"spec.generators[{number}]"
        if not isinstance(generator, dict):
            raise Refusal(field, "must be a map")
        template = _template_of(spec, generator)
        if "{{" in str(dig(template, "spec", "project", default="")):
            # Whoever can push where the generators look would choose what its apps may do.
            raise Refusal("spec.template.spec.project", "must be fixed text and not a template")
        for parameters in generators.generate(generator, field, templating, look):
            child = _child(name, spec, template, parameters, templating, namespace)
            if child.name in seen:
                raise Refusal("spec.template.metadata.name", f"gives two Applications the name {child.name!r}")
            seen.add(child.name)
            if len(seen) > generators.MOST_SETS:
                raise Refusal("spec.generators", f"make more than {generators.MOST_SETS} Applications")
            yield child


def _template_of(spec: Object, generator: Object) -> Object:
    """The set's template with what the generator itself overrides."""
    own = next((one["template"] for one in generator.values() if isinstance(one, dict) and one.get("template")), None)
    return generators.merged(spec["template"], own) if isinstance(own, dict) else dict(spec["template"])


def _child(
    name: str, spec: Object, template: Object, parameters: Parameters, templating: Templating, namespace: str
) -> Child:
    filled = templating.all(template, parameters)
    patch = spec.get("templatePatch")
    if patch:
        filled = _patched(filled, templating.text(str(patch), parameters))
    child_name = dig(filled, "metadata", "name")
    if not isinstance(child_name, str) or not child_name:
        raise Refusal("spec.template.metadata.name", "is empty")
    child = applications.translate(filled, namespace)
    if isinstance(child, Refused):
        where, why = child.reasons[0]
        raise Refusal(f"spec.template.{where}" if where.startswith("spec") else where, why)
    keeps = dig(spec, "syncPolicy", "preserveResourcesOnDeletion") is True
    meta = child.body["metadata"]
    marked = {**child.body, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), SET: name}}}
    # A generated Application always gets Argo CD's finalizer, unless its resources are to be preserved.
    return Child(marked, not keeps, child.notes)


def _patched(filled: Json, text: str) -> Object:
    """JSON merge patch: an Application has no list that is merged by key."""
    try:
        documents = [document.value for document in yamlgo.load_all(text) if document.value is not None]
    except YamlError as error:
        raise Refusal("spec.templatePatch", f"is not YAML once it is filled in: {error}") from error
    if not documents:
        return dict(filled)
    if len(documents) > 1 or not isinstance(documents[0], dict):
        raise Refusal("spec.templatePatch", "must be one map")
    if dig(documents[0], "spec", "project") not in (None, dig(filled, "spec", "project")):
        raise Refusal("spec.templatePatch", "must not change the project")
    return merge_patched(filled, documents[0])


def merge_patched(target: Json, patch: Object) -> Object:
    """RFC 7386."""
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), value) if isinstance(value, dict) else value
    return result
