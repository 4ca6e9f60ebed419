"""One listing of stores as data, and the credentials it is done with: those that the job's own pods have.

The configuration's keys go before the pods' variables, these before the agent's own, which are shown to AWS and to the
endpoint of the agent's own configuration alone: a resource must not send them elsewhere. Secrets are read, never kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from operator_core.build import containerenv
from operator_core.conf import s3options
from operator_core.conf.s3options import Keys, S3Settings
from operator_core.decide.statestores import StorePlace
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.stores.errors import StoreError

_ACCESS, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KINDS = {"Secret": requests.SECRETS, "ConfigMap": requests.CONFIG_MAPS}


class Sends(Protocol):
    """The API server."""

    def send(self, request: requests.Request) -> Object:
        """The object that is answered. Raises kube.errors."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One listing. `container` is the JobManager's; `endpoints` are those that may see the agent's own credentials."""

    purpose: str
    places: tuple[StorePlace, ...]
    settings: S3Settings
    container: Object = field(repr=False)
    endpoints: tuple[str | None, ...] = (None,)


def access(api: Sends, namespace: str, work: Work) -> S3Settings:
    """The settings with keys and region from the pods' variables where the configuration has none.

    Raises StoreError where those cannot be read, or where only the agent's own keys are left and must not go there.
    """

    def read(kind: containerenv.Source, name: str) -> Mapping[str, str] | None:
        try:
            return containerenv.texts({"kind": kind, **api.send(requests.get(_KINDS[kind], namespace, name))})
        except errors.NotFound:
            return None
        except errors.KubeError as error:
            raise StoreError(
                f"the {kind} {namespace}/{name} of the pod template cannot be read: {error.message}"
            ) from error

    given = work.settings
    names = (() if given.keys else (_ACCESS, _SECRET, _TOKEN)) + (() if given.region else _REGIONS)
    values = containerenv.values(work.container, names, read)
    region = given.region or next((values[name] for name in _REGIONS if name in values), None)
    if given.keys is not None:
        return replace(given, region=region)
    if _ACCESS in values and _SECRET in values:
        return replace(given, region=region, keys=Keys(values[_ACCESS], values[_SECRET], values.get(_TOKEN)))
    if missing := [name for name in (_ACCESS, _SECRET) if _is_set(work.container, name) and name not in values]:
        raise StoreError(f"{' and '.join(missing)} of the pod template has no value: check the Secret that it names")
    if given.endpoint not in work.endpoints and not s3options.is_of_aws(given.endpoint):
        raise StoreError(
            f"there are no credentials for {given.endpoint}: set s3.access-key and s3.secret-key in "
            f"flinkConfiguration, or {_ACCESS} and {_SECRET} in the pod template; the agent's own go to AWS and to the "
            "s3.endpoint of its operatorDefaults only"
        )
    return replace(given, region=region)


def _is_set(container: Object, name: str) -> bool:
    return any(entry.get("name") == name for entry in container.get("env") or [])
