"""The effective configuration of a resource: built-in < operator defaults < per-namespace and
per-version defaults < resource, flat.

This is what decisions read (directories, intervals, switches). What is shipped to Flink is computed from it
by `build.flinkconf`. Layering as in the Java operator: the file's plain keys, then
`kubernetes.operator.default-configuration.namespace.<ns>.<key>`, then `...flink-version.<v>+.<key>` of every
version up to the resource's (ascending), then `...flink-version.<v>.<key>` of exactly that version.
"""

from collections.abc import Mapping
from types import MappingProxyType

from operator_core.conf import builtin, flattening, options
from operator_core.model import flinkversions
from operator_core.model.flinkdeployments import FlinkDeploymentSpec


def effective(
    spec: FlinkDeploymentSpec, *, name: str, namespace: str, defaults: Mapping[str, str]
) -> Mapping[str, str]:
    """Flat configuration the resource asks for, with the cluster's identity, defaults below it.

    `defaults` is the operator's own configuration, flat; identity keys cannot be set by anyone.
    """
    version = flinkversions.parse(spec.flink_version) if spec.flink_version else None
    merged: dict[str, str] = {}
    for layer in (builtin.DEFAULTS, defaults):
        _overlay(merged, _layered(layer, namespace, version))
    _overlay(merged, flattening.flatten(spec.flink_configuration))
    merged[options.NAMESPACE.key] = namespace
    merged[options.CLUSTER_ID.key] = name
    if options.has_high_availability(merged):
        merged[options.HA_CLUSTER_ID.key] = name
    return MappingProxyType(merged)


def _overlay(merged: dict[str, str], layer: Mapping[str, str]) -> None:
    """A layer that sets an option under one name hides every other name below it."""
    for key, value in layer.items():
        for other in _OTHER_NAMES.get(key, ()):
            if other not in layer:
                merged.pop(other, None)
        merged[key] = value


def _layered(defaults: Mapping[str, str], namespace: str, version: flinkversions.FlinkVersion | None) -> dict[str, str]:
    special = options.DEFAULT_CONFIGURATION
    result = {key: value for key, value in defaults.items() if not key.startswith(special)}
    result |= _below(defaults, f"{special}namespace.{namespace}.")
    if version is None:
        return result
    for name in flinkversions.NAMES:
        if flinkversions.parse(name) <= version:
            result |= _below(defaults, f"{special}flink-version.{name}+.")
    return result | _below(defaults, f"{special}flink-version.{version}.")


def _below(defaults: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in defaults.items() if key.startswith(prefix)}


_RENAMED = (
    options.CHECKPOINT_DIR,
    options.SAVEPOINT_DIR,
    options.RETAINED_CHECKPOINTS,
    options.RESTORE_PATH,
    options.CLAIM_MODE,
    options.IGNORE_UNCLAIMED_STATE,
    options.HA_TYPE,
    options.IMAGE,
)
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {key: tuple(other for other in option.keys if other != key) for option in _RENAMED for key in option.keys}
)
