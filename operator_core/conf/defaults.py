"""The configuration below every resource's own: built-in < the operator's < per namespace < per Flink version.

`Defaults` is one value; a changed settings file makes a new one, and a pass works with one of them from its
beginning to its end. Layers as the Java operator documents them: the plain keys, then
`kubernetes.operator.default-configuration.namespace.<ns>.<key>`, then `...flink-version.<v>+.<key>` of every
version up to the resource's (ascending), then `...flink-version.<v>.<key>` of exactly that version. Knows no
resource.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from operator_core.conf import builtin, options
from operator_core.model import flinkversions


@dataclass(frozen=True, slots=True)
class Defaults:
    """`given`: the operator's own configuration, flat, special keys included."""

    given: Mapping[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, str | None], Mapping[str, str]] = field(default_factory=dict, compare=False, repr=False)

    def of(self, namespace: str, flink_version: str | None) -> Mapping[str, str]:
        """All that holds for a resource that sets nothing itself; `flink_version` as "v1_20", None: not known.

        ValueError for a text that is no version.
        """
        known = self._known.get((namespace, flink_version))
        if known is None:
            version = flinkversions.parse(flink_version) if flink_version else None
            merged: dict[str, str] = {}
            for layer in (builtin.DEFAULTS, self.given):
                overlay(merged, _layered(layer, namespace, version))
            known = self._known[namespace, flink_version] = MappingProxyType(merged)
        return known


NONE = Defaults()


def overlay(merged: dict[str, str], layer: Mapping[str, str]) -> None:
    """Put a layer above `merged`: where it sets an option under one name, it hides every other name below."""
    for key, value in layer.items():
        for other in _OTHER_NAMES.get(key, ()):
            if other not in layer:
                merged.pop(other, None)
        merged[key] = value


def _layered(given: Mapping[str, str], namespace: str, version: flinkversions.FlinkVersion | None) -> dict[str, str]:
    special = options.DEFAULT_CONFIGURATION
    result = {key: value for key, value in given.items() if not key.startswith(special)}
    overlay(result, _below(given, f"{special}namespace.{namespace}."))
    if version is None:
        return result
    for name in flinkversions.NAMES:
        if flinkversions.parse(name) <= version:
            overlay(result, _below(given, f"{special}flink-version.{name}+."))
    overlay(result, _below(given, f"{special}flink-version.{version}."))
    return result


def _below(given: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}


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
