"""Projects: what an app that names one may read, where it may write, and who must have signed.

Pure. The fields are those of an Argo CD AppProject's spec that mean something to one agent in one cluster;
what they mean is decided in `plan.projects`. Rules: Argo CD documentation, "Projects".
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json, Object

DEFAULT = "default"


def _or_empty(value: Json) -> Json:
    """`null` in a manifest is an empty list."""
    return () if value is None else value


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Destination(_Part):
    """A cluster by its server or name, and namespaces of it; patterns, and `!` denies."""

    server: str = ""
    name: str = ""
    namespace: str = ""


class Kind(_Part):
    """Kinds of objects by pattern; of cluster-scoped ones also names."""

    group: str = ""
    kind: str = ""
    name: str = ""


class SignatureKey(_Part):
    """A key by its GnuPG id or fingerprint, or by the fingerprint or principal of an SSH key."""

    key_id: str = Field(alias="keyID", min_length=1)


class SyncWindow(_Part):
    """A time in which apps may (`allow`) or may not (`deny`) be synced; what it means is decided in `plan.windows`."""

    kind: Literal["allow", "deny"]
    schedule: str
    duration: str
    time_zone: str = ""
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    sync_overrun: bool = False
    and_operator: bool = False
    description: str = ""


_Texts = Annotated[tuple[str, ...], BeforeValidator(_or_empty)]


class Project(_Part):
    """One project. An empty list allows nothing; `namespace_resource_whitelist` None allows all kinds."""

    name: str
    source_repos: _Texts = ()
    destinations: Annotated[tuple[Destination, ...], BeforeValidator(_or_empty)] = ()
    cluster_resource_whitelist: Annotated[tuple[Kind, ...], BeforeValidator(_or_empty)] = ()
    cluster_resource_blacklist: Annotated[tuple[Kind, ...], BeforeValidator(_or_empty)] = ()
    namespace_resource_whitelist: tuple[Kind, ...] | None = None
    namespace_resource_blacklist: Annotated[tuple[Kind, ...], BeforeValidator(_or_empty)] = ()
    signature_keys: Annotated[tuple[SignatureKey, ...], BeforeValidator(_or_empty)] = ()
    sync_windows: Annotated[tuple[SyncWindow, ...], BeforeValidator(_or_empty)] = ()


UNLIMITED = Project(
    name=DEFAULT,
    source_repos=("*",),
    destinations=(Destination(server="*", namespace="*"),),
    cluster_resource_whitelist=(Kind(group="*", kind="*"),),
)
"""What `default` is where nobody defines it, as in Argo CD."""


def parse(name: str, spec: Json) -> Project:
    """The project behind a spec. Raises Stalled(ValidationError) naming the field."""
    content: Object = spec if isinstance(spec, dict) else {}
    try:
        return Project.model_validate({**content, "name": name})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Stalled(Reason.ValidationError, f"the project {name!r} is not valid: {problems}") from error
