"""SyncApp, `gitsync.io/v1alpha1`: which path of which repository an agent applies to where.

`python -m gitsync.model.syncapps [DIRECTORY]` writes its definition (deploy/crds by default).

The spec is a part of an Argo CD Application's spec, word for word, so that one can be turned into
the other by changing apiVersion and kind. The status uses Argo CD's words (Synced, OutOfSync,
Healthy, …) beside conditions that kstatus and `kubectl wait` understand. What a person asks of an
app without a commit comes as annotations, because the spec may belong to Git.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from gitsync.model import semver, structural, tracking
from gitsync.model.parts import Part
from gitsync.model.sources import Source, digest
from gitsync.model.syncpolicies import IgnoreDifference, SyncPolicy
from gitsync.model.syncstatuses import Status
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig

API_VERSION = "gitsync.io/v1alpha1"
KIND = "SyncApp"
TRACKING = tracking.TRACKING
REVISION = "gitsync.io/revision"
SYNC_REQUESTED = "gitsync.io/sync-requested"
PIN = "gitsync.io/pin"
SUSPEND = "gitsync.io/suspend"
APPROVED = "gitsync.io/approved"
SHORTEST_COMMIT = 7
"""Digits of a commit's id that name it."""


class Destination(Part):
    """Where it goes: the cluster of the agent, and a namespace."""

    server: str = Field(
        default="", description="Empty or https://kubernetes.default.svc: an agent serves its own cluster."
    )
    name: str = Field(default="", description="Empty or in-cluster.")
    namespace: str = Field(default="", description="Namespace of namespaced objects that name none.")


RecordedPhase = Literal["pending", "applied", "running", "stable", "failed", "superseded"]


class WriteBackPolicy(Part):
    """What of this app is told to its repository, where the agent's settings allow it."""

    phases: tuple[RecordedPhase, ...] = Field(
        default=("pending", "applied", "running", "stable", "failed", "superseded"),
        description="Phases of a commit that are recorded.",
    )
    status_branch: bool = Field(default=True, description="Keep a page of this app in the status branch.")
    commit_status: bool = Field(default=True, description="Set commit statuses in the repository's forge.")


class Spec(Part):
    """The desired state of a SyncApp."""

    project: str = Field(default="default", description="Project of the settings, or AppProject, whose limits hold.")
    source: Source | None = Field(default=None, description="Where the desired state is; see also sources.")
    sources: tuple[Source, ...] = Field(default=(), description="Several sources, joined; wins over source.")
    destination: Destination = Destination()
    sync_policy: SyncPolicy = SyncPolicy()
    ignore_differences: tuple[IgnoreDifference, ...] = Field(
        default=(), description="Fields that may differ and are not forced."
    )
    revision_history_limit: int = Field(default=10, ge=0, description="Entries kept in status.history.")
    app_per_directory: bool = Field(
        default=False, description="Make an app of every directory directly below the path; needs a single source."
    )
    write_back: WriteBackPolicy = WriteBackPolicy()

    @model_validator(mode="after")
    def _has_a_source(self) -> "Spec":
        if self.source is None and not self.sources:
            raise ValueError("it needs a source, or sources")
        if self.app_per_directory and len(self.all_sources) > 1:
            raise ValueError("appPerDirectory needs a single source")
        return self

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """Every source, in order."""
        return self.sources or ((self.source,) if self.source is not None else ())

    @property
    def aim(self) -> str:
        """Digest of where the app's objects come from and where they go: another one is another sync of a commit."""
        to = self.destination.model_dump(mode="json", exclude_defaults=True)
        return digest([one.given for one in self.all_sources], to, self.app_per_directory)

    @property
    def main(self) -> Source:
        """The source whose repository and commits stand for the app: the first that makes objects."""
        return next((one for one in self.all_sources if one.path or one.chart), self.all_sources[0])


@dataclass(frozen=True, slots=True)
class Pin:
    """Stay on `revision`, whatever the branch says, until `until` (None: until the annotation goes).

    `restore` names the snapshot each job (`Kind/namespace/name`) goes back to, once per `id`.
    """

    revision: str
    reason: str
    until: datetime | None
    id: str = ""
    restore: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suspension:
    """Neither apply nor prune until `until` (None: until the annotation goes)."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class SyncApp:
    """One SyncApp, parsed."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    deleting: bool
    spec: Spec
    status: Status
    pin: Pin | None
    suspension: Suspension | None
    sync_requested: str | None
    approved: str | None
    """The commit whose plan a person approved of; a word after it tells approvals apart."""


def parse(obj: Object) -> SyncApp:
    """The SyncApp behind a manifest. Raises Stalled(ValidationError) naming the field."""
    meta = obj["metadata"]
    annotations = meta.get("annotations") or {}
    where = f"SyncApp {meta.get('namespace', '')}/{meta.get('name', '')}"
    try:
        return SyncApp(
            namespace=meta.get("namespace", ""),
            name=meta["name"],
            uid=meta.get("uid", ""),
            generation=int(meta.get("generation", 0)),
            resource_version=meta.get("resourceVersion", ""),
            deleting="deletionTimestamp" in meta,
            spec=Spec.model_validate(obj.get("spec") or {}),
            status=Status.model_validate(obj.get("status") or {}),
            pin=_pin(annotations.get(PIN)),
            suspension=_suspension(annotations.get(SUSPEND)),
            sync_requested=annotations.get(SYNC_REQUESTED) or None,
            approved=annotations.get(APPROVED) or None,
        )
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'spec'}: {e['msg']}" for e in error.errors())
        raise Stalled(Reason.ValidationError, f"{where} is not valid: {problems}") from error
    except ValueError as error:
        raise Stalled(Reason.ValidationError, f"{where}: {error}") from error


def _pin(text: str | None) -> Pin | None:
    if not text:
        return None
    value = _annotation_object(PIN, text)
    revision = value.get("revision")
    if not isinstance(revision, str) or not revision:
        raise ValueError(f'the annotation {PIN} needs a "revision"')
    restore = value.get("restore") or {}
    if not isinstance(restore, dict) or not all(isinstance(path, str) for path in restore.values()):
        raise ValueError(f'"restore" of the annotation {PIN} must be a map of jobs to paths')
    found_id = str(value.get("id") or "")
    if restore and (not found_id or " " in found_id):
        raise ValueError(f'the annotation {PIN} needs an "id" without spaces beside "restore"')
    return Pin(revision, str(value.get("reason", "")), _until(PIN, value), found_id, restore)


def _suspension(text: str | None) -> Suspension | None:
    if not text:
        return None
    value = _annotation_object(SUSPEND, text)
    return Suspension(str(value.get("reason", "")), _until(SUSPEND, value))


def _annotation_object(name: str, text: str) -> Object:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the annotation {name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"the annotation {name} must be a JSON object")
    return value


def _until(name: str, value: Object) -> datetime | None:
    text = value.get("until")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(f'"until" of the annotation {name} is not a time like 2026-01-31T18:00:00Z') from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_live(until: datetime | None, now: datetime) -> bool:
    """Whether something that ends at `until` still holds."""
    return until is None or now < until


def seconds_left(app: SyncApp, now: datetime) -> float | None:
    """Seconds until the app's pin or its suspension ends by itself; None where neither will."""
    ends = [one.until for one in (app.pin, app.suspension) if one is not None and one.until is not None]
    left = [(until - now).total_seconds() for until in ends if until > now]
    return min(left) if left else None


def followed(app: SyncApp, now: datetime) -> str:
    """The branch, tag, range of versions or commit to follow: the pin's while it holds."""
    if app.pin is not None and is_live(app.pin.until, now):
        return app.pin.revision
    return semver.of_tags(app.spec.main.tag_prefix, app.spec.main.target_revision)


def key_of(obj: Object) -> tuple[str, str]:
    """Namespace and name."""
    return (dig(obj, "metadata", "namespace", default=""), dig(obj, "metadata", "name", default=""))


_HEADER = "# Written by `python -m gitsync.model.syncapps`; edit the model, not this file.\n"
_COLUMNS = (
    ("Sync", ".status.sync.status"),
    ("Health", ".status.health.status"),
    ("Ready", '.status.conditions[?(@.type=="Ready")].status'),
    ("Revision", ".status.sync.revision"),
    ("Message", '.status.conditions[?(@.type=="Ready")].message'),
)


def crd() -> Object:
    """The CustomResourceDefinition."""
    schema = {
        "type": "object",
        "description": "A path of a Git repository that gitsync applies to the cluster.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural.schema(Spec),
            "status": structural.schema(Status),
        },
    }
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": name, "type": "string", "jsonPath": path} for name, path in _COLUMNS],
    }
    names = {
        "kind": KIND,
        "listKind": "SyncAppList",
        "plural": "syncapps",
        "singular": "syncapp",
        "shortNames": ["gsapp"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "syncapps.gitsync.io"},
        "spec": {"group": "gitsync.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def main() -> None:
    """Write the definition into the directory named on the command line."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "deploy/crds")
    definition = crd()
    file = directory / f"{definition['metadata']['name'].partition('.')[0]}.gitsync.io.yaml"
    file.write_text(_HEADER + yaml.safe_dump(definition, sort_keys=False, width=120))


if __name__ == "__main__":
    main()
