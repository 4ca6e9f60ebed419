"""Flink's configuration as a file: flat `flink-conf.yaml` before 2.0, nested `config.yaml` from 2.0 on.

In config.yaml every scalar is a quoted text, as the Java operator writes it, so that no YAML reader turns
"1e3" or "true" into something else; a key that is also the prefix of another stays dotted. flink-conf.yaml
cannot hold a "#" or a line break (Flink's reader cuts there); 1.19 and 1.20 read config.yaml too, so they get
that form where a value needs it. Keys are sorted, so equal configurations are equal files.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from operator_core.build.flinkconf import FlinkConf
from operator_core.conf import flattening
from operator_core.jsonvalues import Object
from operator_core.model.flinkversions import FlinkVersion

LEGACY_NAME: Final = "flink-conf.yaml"
STANDARD_NAME: Final = "config.yaml"
ARGUMENTS_KEY: Final = "$internal.application.program-args"


def render(conf: FlinkConf) -> tuple[str, str]:
    """File name and content."""
    arguments = list(conf.arguments) if conf.arguments is not None else None
    legacy = dict(conf.texts)
    if arguments is not None:
        legacy[ARGUMENTS_KEY] = flattening.list_text(arguments)
    if conf.version.writes_standard_yaml or (
        conf.version >= FlinkVersion(1, 19) and any("#" in value or "\n" in value for value in legacy.values())
    ):
        values: dict[str, str | list[str]] = dict(conf.texts)
        if arguments is not None:
            values[ARGUMENTS_KEY] = arguments
        return STANDARD_NAME, yaml_text(nested(values))
    return LEGACY_NAME, "".join(f"{key}: {legacy[key]}\n" for key in sorted(legacy))


def nested(values: Mapping[str, str | list[str]]) -> Object:
    """Dotted keys as nested objects; the rest of a key stays dotted below a key that has a value itself."""
    tree: Object = {}
    # Shorter keys first: a value is in place before a longer key would need an object there.
    for key in sorted(values, key=lambda key: (key.count("."), key)):
        place, parts = tree, key.split(".")
        while len(parts) > 1 and isinstance(place.setdefault(parts[0], {}), dict):
            place = place[parts.pop(0)]
        place[".".join(parts)] = values[key]
    return tree


def yaml_text(value: Object) -> str:
    """YAML with plain keys and quoted texts, one line per value."""
    return yaml.dump(value, Dumper=_QuotedTexts, default_flow_style=False, width=2**31, sort_keys=True)


class _QuotedTexts(yaml.SafeDumper):
    """Quotes texts unless they are mapping keys."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style=flow_style)
        for _, value in node.value:
            _quote(value)
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style=flow_style)
        for item in node.value:
            _quote(item)
        return node

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quote(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str":
        node.style = '"' if "\n" in node.value else "'"
