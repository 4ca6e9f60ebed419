"""The effective configuration of a resource: all defaults below, what it sets itself above, flat.

This is what decisions read (directories, intervals, switches). What is shipped to Flink is computed from it
by `build.flinkconf`. Layers below the resource are `defaults`'.
"""

from collections.abc import Mapping
from types import MappingProxyType

from operator_core.conf import defaults as layers
from operator_core.conf import flattening, options
from operator_core.conf.defaults import Defaults
from operator_core.model.flinkdeployments import FlinkDeploymentSpec


def effective(spec: FlinkDeploymentSpec, *, name: str, namespace: str, defaults: Defaults) -> Mapping[str, str]:
    """Flat configuration the resource asks for, with the cluster's identity, defaults below it.

    Identity keys cannot be set by anyone.
    """
    merged = dict(defaults.of(namespace, spec.flink_version or None))
    layers.overlay(merged, flattening.flatten(spec.flink_configuration))
    merged[options.NAMESPACE.key] = namespace
    merged[options.CLUSTER_ID.key] = name
    if options.has_high_availability(merged):
        merged[options.HA_CLUSTER_ID.key] = name
    return MappingProxyType(merged)
