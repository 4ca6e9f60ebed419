"""Which exact versions a chart's lock file gives its dependencies, and whether it still belongs to the chart.

Pure. Rules: Helm, "helm dependency build": the lock of a chart is Chart.lock (requirements.lock for the first form of
charts), one entry per dependency in their order; its digest is made of what the chart asks for and what was found, so
a chart that asks for something else since then is noticed.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model import semver
from operator_core.jsonvalues import Json, Object

NAMES = {"Chart.yaml": "Chart.lock", "requirements.yaml": "requirements.lock"}
"""The lock of what each file asks for."""
_FIELDS = ("name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias")
_ALWAYS = ("name", "repository")


class Unusable(ValueError):
    """Why a lock file says nothing about a chart."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One dependency. `repository` is as the chart writes it."""

    name: str
    version: str
    repository: str


def read(text: str, wanted: Sequence[Object], *, first_form: bool = False) -> tuple[Locked, ...]:
    """What is locked for every one of the dependencies `wanted`, in their order. Raises Unusable."""
    lock = _parsed(text)
    listed = lock.get("dependencies")
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    known = [digest([list(map(_plain, wanted)), list(map(_plain, entries))])]
    if first_form:
        known.append(digest({"dependencies": list(map(_plain, wanted))}))
    names = [one.get("name") for one in wanted]
    is_known = str(lock.get("digest") or "").removeprefix("sha256:") in known
    if not is_known or [one.get("name") for one in entries] != names:
        raise Unusable("it was made for other dependencies: run `helm dependency update` and commit it again")
    return tuple(_locked(one) for one in entries)


def _locked(entry: Object) -> Locked:
    name, version = str(entry.get("name")), str(entry.get("version") or "")
    if semver.version(version) is None:
        raise Unusable(f"its version {version!r} of {name} is none: run `helm dependency update`")
    return Locked(name, version, str(entry.get("repository") or ""))


def _parsed(text: str) -> Object:
    try:
        documents = yamlgo.load_all(text)
    except YamlError as error:
        raise Unusable(f"it cannot be read: {error.message}") from error
    value: Json = documents[0].value if documents else None
    if not isinstance(value, dict):
        raise Unusable("it holds no map")
    return value


def digest(value: Json) -> str:
    """The SHA-256 of a value as Go writes it as JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(re.sub("[<>&\u2028\u2029]", lambda one: f"\\u{ord(one[0]):04x}", text).encode()).hexdigest()


def _plain(entry: Object) -> Object:
    """A dependency with the fields Helm knows, in its order, without those that say nothing."""
    return {key: _sorted(entry.get(key, "")) for key in _FIELDS if key in _ALWAYS or entry.get(key)}


def _sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value
