"""Rules every object has to fulfil, whatever its kind: metadata, and the fields of its schema.

Pure. Rules: Kubernetes, "Object Names and IDs", "Labels and Selectors"; schemas as `kinds` knows them.
A pod template in a Flink resource is held against the schema of a pod's.
"""

import re
from collections.abc import Iterator

from gitsync.validate import schemas
from gitsync.validate.findings import Severity, Steps, Trouble, below
from gitsync.validate.kinds import Kinds
from gitsync.validate.schemas import Schema
from operator_core.jsonvalues import Json, Object, dig

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_FREE_NAMES = ("rbac.authorization.k8s.io",)
_TEMPLATES = ("spec.podTemplate", "spec.jobManager.podTemplate", "spec.taskManager.podTemplate")


def troubles(body: Object, kinds: Kinds) -> Iterator[Trouble]:
    """What is wrong with an object, the metadata first."""
    for field, message in _metadata(body):
        yield Trouble("metadata", Severity.error, field, message)
    api_version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
    schema = kinds.schema(api_version, kind)
    if schema is None:
        instead = kinds.unserved(api_version, kind)
        if instead is not None:
            advice = f"write apiVersion: {instead[0]}" if instead else "is the kind spelled right?"
            message = f"Kubernetes {_release(kinds)} has no {kind} in {api_version}; {advice}"
            yield Trouble("unknown-version", Severity.error, ("apiVersion",), message)
        return
    for problem in schemas.problems(_as_applied(body), schema):
        yield _told(problem, problem.field, problem.message)
    if api_version.startswith("flink.apache.org/"):
        yield from _pod_templates(body, kinds)


def _as_applied(body: Object) -> Object:
    """Without what SOPS keeps in a Secret it encrypted: the agent takes it out again."""
    if body.get("kind") != "Secret" or not isinstance(body.get("sops"), dict) or "mac" not in body["sops"]:
        return body
    return {key: value for key, value in body.items() if key != "sops"}


def _told(problem: schemas.Problem, field: Steps, message: str) -> Trouble:
    return Trouble("unknown-field" if problem.is_unknown else "schema", Severity.error, field, message)


def is_known(body: Object, kinds: Kinds) -> bool:
    """Whether an object's fields can be checked, or need not be."""
    names = str(body.get("apiVersion", "")), str(body.get("kind", ""))
    return kinds.schema(*names) is not None or kinds.unserved(*names) is not None


def _release(kinds: Kinds) -> str:
    return kinds.built_in.release if kinds.built_in is not None else ""


def _pod_templates(body: Object, kinds: Kinds) -> Iterator[Trouble]:
    """The operator fills in what is missing of a template, so only what is there is judged."""
    pod = kinds.schema("v1", "PodTemplate")
    if pod is None:
        return
    template = Schema({"$ref": "io.k8s.api.core.v1.PodTemplateSpec"}, pod.definitions)
    for place in _TEMPLATES:
        steps = tuple(place.split("."))
        value = below(body, steps)
        if not isinstance(value, dict):
            continue
        for problem in schemas.problems(_completed(value), template):
            message = f"{place}.{problem.message}" if problem.field else problem.message
            yield _told(problem, (*steps, *problem.field), message)


def _completed(template: Object) -> Object:
    spec = template.get("spec")
    own = {key: value for key, value in template.items() if key not in ("apiVersion", "kind")}
    return {**own, "spec": {"containers": [], **spec}} if isinstance(spec, dict) else own


def _metadata(body: Object) -> Iterator[tuple[Steps, str]]:
    name = dig(body, "metadata", "name", default="")
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    if name and group not in _FREE_NAMES and (len(name) > 253 or not _SUBDOMAIN.fullmatch(name)):
        form = "lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
        yield ("metadata", "name"), f"metadata.name: {name!r} is not {form}"
    namespace = dig(body, "metadata", "namespace", default="")
    if namespace and (len(namespace) > 63 or not _LABEL.fullmatch(namespace)):
        yield ("metadata", "namespace"), f"metadata.namespace: {namespace!r} is not lower-case letters, digits and '-'"
    for kind in ("labels", "annotations"):
        for key, value in dig(body, "metadata", kind, default={}).items():
            problem = _key_problem(key) or (_value_problem(value) if kind == "labels" else "")
            if problem:
                yield ("metadata", kind, key), f"metadata.{kind}[{key}]: {problem}"


def _key_problem(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if len(name) > 63 or not _QUALIFIED.fullmatch(name):
        return "the key's name must be at most 63 letters, digits, '-', '_' and '.'"
    if slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        return "what stands before the '/' of the key must be a DNS name"
    return ""


def _value_problem(value: Json) -> str:
    text = value if isinstance(value, str) else ""
    if text and (len(text) > 63 or not _QUALIFIED.fullmatch(text)):
        return f"{text!r} is not a label value: at most 63 letters, digits, '-', '_' and '.'"
    return ""
