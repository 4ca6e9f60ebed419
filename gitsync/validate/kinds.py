"""Which schema a kind has: our own definitions, those among the manifests, and Kubernetes' own kinds.

The kinds Kubernetes ships are known where the extra `gitsync[validate]` is installed: its package
`kubernetes-validate` carries the published OpenAPI schemas of each release, read here as data.
Knows no rule.
"""

import functools
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitsync.validate import definitions
from gitsync.validate.schemas import Schema
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig

_PACKAGE = "kubernetes_validate"
_DIRECTORY = re.compile(r"v(\d+)\.(\d+)(?:\.\d+)?-local-strict")
_GROUPLESS = ("apps", "batch", "autoscaling", "policy", "extensions", "")


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The kinds one release of Kubernetes serves: (group, version, kind) -> its schema."""

    release: str
    schemas: Mapping[tuple[str, str, str], Object]
    definitions: Mapping[str, Object]

    def versions(self, group: str, kind: str) -> tuple[str, ...]:
        """The apiVersions that serve a kind, the one of `group` first."""
        found = [(g != group, f"{g}/{v}" if g else v) for g, v, k in self.schemas if k == kind]
        return tuple(version for _, version in sorted(found))


@dataclass(slots=True)
class Kinds:
    """All that is known about kinds in one run. `schemas`: where those of Kubernetes' own kinds are, if anywhere."""

    schemas: Path | None
    _custom: dict[tuple[str, str], Schema] = field(default_factory=dict)
    _own: set[str] = field(default_factory=set)

    @property
    def built_in(self) -> BuiltIn | None:
        """Kubernetes' own kinds, read when the first object asks for one."""
        return _read(self.schemas) if self.schemas is not None else None

    def learn(self, given: Iterable[Object], *, over: bool = True) -> None:
        """Take the kinds of CustomResourceDefinitions in, `over` those known already; schemas are trusted."""
        for definition in given:
            group, kind = dig(definition, "spec", "group", default=""), dig(definition, "spec", "names", "kind")
            for version in dig(definition, "spec", "versions", default=[]):
                schema = dig(version, "schema", "openAPIV3Schema")
                if isinstance(schema, dict) and isinstance(kind, str):
                    key = (f"{group}/{dig(version, 'name', default='')}", kind)
                    if over or key not in self._custom:
                        self._custom[key] = Schema(schema, {})

    def schema(self, api_version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where it is not known."""
        group, _, version = api_version.rpartition("/")
        if group in definitions.GROUPS and group not in self._own:
            self._own.add(group)
            self.learn(definitions.of_group(group), over=False)
        custom = self._custom.get((api_version, kind))
        if custom is not None or not _may_be_built_in(group) or self.built_in is None:
            return custom
        node = self.built_in.schemas.get((group, version, kind))
        return Schema(node, self.built_in.definitions) if node is not None else None

    def unserved(self, api_version: str, kind: str) -> tuple[str, ...] | None:
        """What to write instead, for an apiVersion of a group of Kubernetes that no longer has the kind."""
        group = api_version.rpartition("/")[0]
        if not _may_be_built_in(group) or self.built_in is None:
            return None
        if not any(group == known for known, _, _ in self.built_in.schemas) and group != "extensions":
            return None
        return self.built_in.versions(group, kind)


def _may_be_built_in(group: str) -> bool:
    return group in _GROUPLESS or group.endswith(".k8s.io")


def known(schemas: Path | None) -> Kinds:
    """Our own kinds, and those of Kubernetes where their schemas are given."""
    return Kinds(schemas)


def schemas_of(release: str | None) -> Path | None:
    """Where the schemas of a release are ("1.32"; None: the newest known); None where the extra is not installed.

    Raises Stalled(Invalid) for a release that was asked for and is not there.
    """
    places = _releases()
    if not places:
        if release is not None:
            text = "schemas of Kubernetes' own kinds are not installed: pip install 'gitsync[validate]'"
            raise Stalled(Reason.Invalid, text)
        return None
    wanted = max(places) if release is None else _parsed(release)
    if wanted is None or wanted not in places:
        names = ", ".join(f"{major}.{minor}" for major, minor in sorted(places))
        raise Stalled(Reason.Invalid, f"there are no schemas of Kubernetes {release}; known are {names}")
    return places[wanted]


@functools.cache
def _read(place: Path) -> BuiltIn:
    definitions = json.loads((place / "_definitions.json").read_bytes())["$defs"]
    schemas = {
        (one["group"], one["version"], one["kind"]): schema
        for schema in definitions.values()
        for one in schema.get("x-kubernetes-group-version-kind") or []
    }
    release = _DIRECTORY.fullmatch(place.name)
    return BuiltIn(f"{release[1]}.{release[2]}" if release is not None else place.name, schemas, definitions)


def _releases() -> dict[tuple[int, int], Path]:
    # Found without importing the package, which would load a validator that is not needed.
    spec = importlib.util.find_spec(_PACKAGE)
    found: dict[tuple[int, int], Path] = {}
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        for directory in (Path(place) / "kubernetes-json-schema").glob("v*-local-strict"):
            match = _DIRECTORY.fullmatch(directory.name)
            if match is not None:
                found[(int(match[1]), int(match[2]))] = directory
    return found


def _parsed(release: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\..*)?", release)
    return (int(match[1]), int(match[2])) if match else None
