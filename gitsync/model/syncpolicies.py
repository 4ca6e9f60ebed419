"""How an app's desired state is applied: automation, retries, sync options, and what may differ.

The words and defaults are those of an Argo CD Application (`spec.syncPolicy`, `spec.ignoreDifferences`); a few
fields are ours and say so. Values only: what they mean is decided in `plan`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gitsync.model.parts import Part

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_OPTIONS = {
    "ApplyOutOfSyncOnly": ("true", "false"),
    "ClientSideApplyMigration": ("true", "false"),
    "CreateNamespace": ("true", "false"),
    "Delete": ("true", "false", "confirm"),
    "DeleteHooks": ("true", "false"),
    "FailOnSharedResource": ("true", "false"),
    "Prune": ("true", "false", "confirm"),
    "PruneLast": ("true", "false"),
    "PrunePropagationPolicy": ("foreground", "background", "orphan"),
    "RespectIgnoreDifferences": ("true", "false"),
    "ServerSideApply": ("true", "false"),
    "SkipDryRunOnMissingResource": ("true", "false"),
    "Validate": ("true", "false"),
}
_REFUSED = {
    "Replace": "objects are never replaced, because that loses the state of jobs",
    "Force": "objects are never deleted to be applied, because that loses the state of jobs",
}


def duration(text: str) -> timedelta:
    """A Go duration such as `1m30s`. Raises ValueError naming the text."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration like 5s, 3m or 1h30m")
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))


def _is_duration(text: str) -> str:
    duration(text)
    return text


def refused_of_job(options: Mapping[str, str]) -> str:
    """Why a Flink resource with these sync options is not applied; empty where nothing speaks against it."""
    name = next((name for name in _REFUSED if options.get(name) == "true"), "")
    return f"the sync option '{name}=true' is refused: {_REFUSED[name]}" if name else ""


def checked_option(text: str) -> str:
    """A sync option `Name=value` that has a meaning here. Raises ValueError that says which have."""
    name, _, value = text.strip().partition("=")
    if name in _REFUSED and value != "false":
        raise ValueError(f"the sync option {text!r} is refused: {_REFUSED[name]}")
    if name not in _OPTIONS and name not in _REFUSED:
        raise ValueError(f"the sync option {text!r} is not known; known are {', '.join(sorted(_OPTIONS))}")
    if name in _OPTIONS and value not in _OPTIONS[name]:
        raise ValueError(f"the sync option {name} is {value!r}; it can be {' or '.join(_OPTIONS[name])}")
    return f"{name}={value}"


Duration = Annotated[str, AfterValidator(_is_duration)]
SyncOption = Annotated[str, AfterValidator(checked_option)]


class Automated(Part):
    """What happens without anybody asking."""

    enabled: bool = Field(default=True, description="False: only compare, apply on request.")
    prune: bool = Field(default=False, description="Delete what was applied before and is no longer in Git.")
    self_heal: bool = Field(default=False, description="Undo changes made in the cluster.")
    allow_empty: bool = Field(default=False, description="Let a commit that leaves nothing prune everything.")


class Backoff(Part):
    """Pauses between retries."""

    duration: Duration = Field(default="5s", description="The first pause.")
    factor: int = Field(default=2, ge=1, description="By how much each pause is longer than the one before.")
    max_duration: Duration = Field(default="3m", description="The longest pause.")


class Retry(Part):
    """What happens after a failed hook or a degraded wave."""

    limit: int = Field(default=5, description="How often a failed sync is tried again; -1: without end.")
    backoff: Backoff = Backoff()


class NamespaceMetadata(Part):
    """What the destination namespace carries when CreateNamespace=true makes it."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class SyncPolicy(Part):
    """How the desired state is applied."""

    automated: Automated | None = Field(default=None, description="Absent: only compare, apply on request.")
    sync_options: tuple[SyncOption, ...] = Field(
        default=(), description="Name=value, for instance CreateNamespace=true, which makes the destination namespace."
    )
    retry: Retry = Retry()
    managed_namespace_metadata: NamespaceMetadata | None = Field(
        default=None, description="Labels and annotations of the namespace that CreateNamespace=true makes."
    )
    approval: Literal["never", "destructive", "always"] = Field(
        default="never",
        description="Which revisions wait for the annotation gitsync.io/approved: none, those that delete objects"
        " or lose the state of a job, or all. A field of gitsync's own.",
    )

    def option(self, name: str) -> str | None:
        """The value of a sync option; None when it is not set."""
        found = [value for key, _, value in (one.partition("=") for one in self.sync_options) if key == name]
        return found[-1] if found else None


def _is_pointer(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON pointer: it must begin with a slash, like /spec/replicas")
    return text


Pointer = Annotated[str, AfterValidator(_is_pointer)]


class IgnoreDifference(Part):
    """Fields that may differ and are not forced."""

    group: str = Field(default="", description="API group; a glob, * for all. Empty is the core group.")
    kind: str = Field(min_length=1, description="Kind; a glob, * for all.")
    name: str = Field(default="", description="Only the object of this name.")
    namespace: str = Field(default="", description="Only objects of this namespace.")
    json_pointers: tuple[Pointer, ...] = Field(default=(), description="RFC 6901, for instance /spec/replicas.")
    jq_path_expressions: tuple[str, ...] = Field(
        default=(), description="jq expressions that select fields, for instance .spec.containers[].image"
    )
    managed_fields_managers: tuple[str, ...] = Field(
        default=(), description="Field managers whose fields may differ, for instance kube-controller-manager."
    )
