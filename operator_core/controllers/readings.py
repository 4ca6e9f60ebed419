"""What a FlinkDeployment and its records say, parsed and validated: worked out again only when they change.

A resource is looked at again and again while its spec stays; parsing and validating it is most of what such a pass
would cost. Only a memory of pure functions: dropping it changes nothing.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from operator_core.conf import effective
from operator_core.conf.defaults import Defaults
from operator_core.decide import validation
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, lastspecs
from operator_core.model.flinkdeployments import FlinkDeployment, FlinkDeploymentSpec
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import ReconciliationStatus

_MOST = 5000
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """`parsed` None or `invalid` set: the spec cannot be used, and why. `last*` is what is recorded as deployed."""

    parsed: FlinkDeployment | None
    invalid: str | None
    last: LastSpec | None
    last_spec: FlinkDeploymentSpec | None
    conf: Mapping[str, str]
    last_conf: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Source:
    """Everything a reading depends on."""

    identity: Object
    generation: int
    records: tuple[str | None, ...]
    defaults: Defaults


class Readings:
    """The newest reading of each resource. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[_Place, tuple[_Source, Reading]] = {}

    def of(self, resource: Object, records: ReconciliationStatus, defaults: Defaults) -> Reading:
        """What the resource says now."""
        meta = resource["metadata"]
        place = (str(meta["namespace"]), str(meta["name"]))
        source = _Source(
            {key: value for key, value in meta.items() if key not in ("resourceVersion", "managedFields")},
            int(meta.get("generation") or 0),
            (records.state, records.last_reconciled_spec, records.last_stable_spec),
            defaults,
        )
        with self._lock:
            known = self._known.get(place)
        if known is not None and known[0] == source:
            return known[1]
        reading = _read(resource, records, defaults)
        with self._lock:
            if len(self._known) >= _MOST and place not in self._known:
                self._known.pop(next(iter(self._known)))
            self._known[place] = (source, reading)
        return reading

    def forget(self, namespace: str, name: str) -> None:
        """The resource is gone."""
        with self._lock:
            self._known.pop((namespace, name), None)


def _read(resource: Object, records: ReconciliationStatus, defaults: Defaults) -> Reading:
    parsed, invalid = _parsed(resource)
    last = lastspecs.deployed(records)
    if parsed is not None:
        invalid = "; ".join(validation.validate(parsed, last, defaults)) or None
    last_spec = flinkdeployments.parse_spec(last.spec) if last is not None else None
    own = parsed.spec if parsed is not None and invalid is None else last_spec
    return Reading(
        parsed=parsed,
        invalid=invalid,
        last=last,
        last_spec=last_spec,
        conf=_conf(resource, own, defaults),
        last_conf=_conf(resource, last_spec or own, defaults),
    )


def _parsed(resource: Object) -> tuple[FlinkDeployment | None, str | None]:
    try:
        return flinkdeployments.parse({key: value for key, value in resource.items() if key != "status"}), None
    except Stalled as error:
        return None, error.message


def _conf(resource: Object, spec: FlinkDeploymentSpec | None, defaults: Defaults) -> Mapping[str, str]:
    meta = resource["metadata"]
    spec = spec or FlinkDeploymentSpec()
    return effective.effective(spec, name=str(meta["name"]), namespace=str(meta["namespace"]), defaults=defaults)
