"""JSON as the API server, Flink and YAML files give it.

Foreign objects stay plain dicts everywhere in the product; these aliases and one accessor are all
that is needed to read them. Knows nothing of any kind.
"""

from typing import Any

Json = Any
"""Any JSON value: null, bool, number, string, list or object."""

Object = dict[str, Any]
"""A JSON object, for instance a Kubernetes manifest."""


def dig(value: Json, *path: str | int, default: Json = None) -> Json:
    """The value below `path`, or `default` where a step is missing, null or of another shape."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return default
            value = value[step]
        else:
            if not isinstance(value, dict):
                return default
            value = value.get(step)
        if value is None:
            return default
    return value
