"""How a chart is to be rendered: the `helm` part of an Application's source as one value.

Pure. A field that is not supported, or a value that Helm would read as something else, is an error that
names it. Rules: Argo CD, "Helm"; Helm, "The Format and Limitations of --set".
"""

import json
import re
from dataclasses import dataclass

from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json, Object

_RELEASE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+)?([-+][\w.+-]+)?")
_API = re.compile(r"[\w.-]+(/[\w.-]+){0,2}")
_WITHOUT_EFFECT = ("version", "passCredentials")
_FIELDS = (
    "releaseName",
    "valueFiles",
    "values",
    "valuesObject",
    "parameters",
    "fileParameters",
    "ignoreMissingValueFiles",
    "skipCrds",
    "skipTests",
    "skipSchemaValidation",
    "kubeVersion",
    "apiVersions",
    "namespace",
)


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """`values` is YAML text, over the value files and below the parameters. Pairs are (name, value or path)."""

    release: str
    namespace: str
    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    values: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    text_parameters: tuple[tuple[str, str], ...] = ()
    file_parameters: tuple[tuple[str, str], ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False


def parse(given: Object | None, app: str, namespace: str) -> HelmOptions:
    """The options of a source; release and namespace are the app's where it names none.

    Raises Stalled(Invalid) naming the field.
    """
    helm = given or {}
    for key, value in helm.items():
        if key not in (*_FIELDS, *_WITHOUT_EFFECT) and value not in (None, "", [], {}, False):
            raise _wrong(key, "is not supported")
    values = helm.get("values") or ""
    if helm.get("valuesObject"):
        # JSON is YAML, and the object replaces the text.
        values = json.dumps(helm["valuesObject"], ensure_ascii=False)
    if not isinstance(values, str):
        raise _wrong("values", "must be text; use valuesObject for a map")
    parameters = [_parameter(one, number) for number, one in enumerate(helm.get("parameters") or [])]
    return HelmOptions(
        release=_fitting("releaseName", helm.get("releaseName") or app, _RELEASE, 53),
        namespace=_fitting("namespace", helm.get("namespace") or namespace or "default", _NAMESPACE, 63),
        value_files=_texts("valueFiles", helm.get("valueFiles")),
        ignore_missing_value_files=helm.get("ignoreMissingValueFiles") is True,
        values=values,
        parameters=tuple((name, value) for name, value, forced in parameters if not forced),
        text_parameters=tuple((name, value) for name, value, forced in parameters if forced),
        file_parameters=tuple(_file_parameter(one, n) for n, one in enumerate(helm.get("fileParameters") or [])),
        kube_version=_fitting("kubeVersion", helm.get("kubeVersion") or "", _VERSION, 100, empty=True),
        api_versions=tuple(
            _fitting("apiVersions", one, _API, 300) for one in _texts("apiVersions", helm.get("apiVersions"))
        ),
        skip_crds=helm.get("skipCrds") is True,
        skip_tests=helm.get("skipTests") is True,
        skip_schema_validation=helm.get("skipSchemaValidation") is True,
    )


def _parameter(given: Json, number: int) -> tuple[str, str, bool]:
    place = f"parameters[{number}]"
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not given["name"]:
        raise _wrong(f"{place}.name", "is missing")
    value = given.get("value", "")
    if not isinstance(value, str):
        raise _wrong(f"{place}.value", "must be text: quote it")
    if "=" in given["name"] or "\n" in given["name"]:
        raise _wrong(f"{place}.name", "must not hold '='")
    # A comma would begin another pair; Argo CD escapes those that are not escaped yet.
    return given["name"], re.sub(r"(?<!\\),", r"\\,", value), given.get("forceString") is True


def _file_parameter(given: Json, number: int) -> tuple[str, str]:
    place = f"fileParameters[{number}]"
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not isinstance(given.get("path"), str):
        raise _wrong(place, "needs name and path")
    if not re.fullmatch(r"[\w.\-\[\]/]+", given["name"]):
        # Helm would read a second `name=path` pair in it, with a path of its own.
        raise _wrong(f"{place}.name", "may hold letters, digits and . - _ / [ ] only")
    return given["name"], given["path"]


def _texts(field: str, value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _wrong(field, "must be a list of texts")
    return tuple(value)


def _fitting(field: str, value: Json, form: re.Pattern[str], longest: int, *, empty: bool = False) -> str:
    if empty and not value:
        return ""
    if not isinstance(value, str) or len(value) > longest or not form.fullmatch(value):
        raise _wrong(field, f"{value!r} is not of the form {form.pattern}")
    return value


def _wrong(field: str, why: str) -> Stalled:
    return Stalled(Reason.Invalid, f"spec.source.helm.{field} {why}")
