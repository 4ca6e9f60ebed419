"""Free-form flinkConfiguration made flat, and Flink's text forms of lists and maps.

`spec.flinkConfiguration` may hold dotted keys, nested maps, or both; Flink and the operator think in flat
keys with text values. Lists become Flink's older list text (items joined with ";", quoted where an item
holds a separator or a quote: StructuredOptionsSplitter); empty lists and maps vanish, nulls too.
Knows no option.
"""

from collections.abc import Iterable, Iterator, Mapping

from operator_core.jsonvalues import Json


def flatten(configuration: Mapping[str, Json], prefix: str = "") -> dict[str, str]:
    """Dotted keys with text values; later members win where two spell the same key."""
    return dict(_pairs(configuration, prefix))


def _pairs(configuration: Mapping[str, Json], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in configuration.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{path}.")
        elif isinstance(value, list | tuple):
            if value:
                yield path, list_text(scalar_text(item) for item in value)
        elif value is not None:
            yield path, scalar_text(value)


def scalar_text(value: Json) -> str:
    """A JSON scalar as Flink reads it: true/false in lower case, numbers in plain form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    return str(value)


def list_text(items: Iterable[str]) -> str:
    """Items as one option value: joined with ";", quoted where Flink would else lose or split them."""
    return ";".join(_quoted(item, ";") for item in items)


def split_list(text: str) -> tuple[str, ...]:
    """The items of a list option's value; an empty text is an empty list."""
    return tuple(_split(text, ";")) if text else ()


def map_text(items: Mapping[str, str]) -> str:
    """A map as one option value: "a:b,c:d", quoted where a key or value holds a separator."""
    return ",".join(_quoted(f"{_quoted(key, ':')}:{_quoted(value, ':')}", ",") for key, value in items.items())


def split_map(text: str) -> dict[str, str]:
    """The members of a map option's value "a:b,c:d"; ValueError where an entry has no colon."""
    members: dict[str, str] = {}
    for entry in _split(text, ","):
        if not entry.strip():
            continue
        key, *value = _split(entry, ":", limit=1)
        if not value:
            raise ValueError(f"{entry.strip()!r} is not key:value")
        members[key] = value[0]
    return members


def _quoted(item: str, separator: str) -> str:
    if separator in item or "'" in item or '"' in item or item != item.strip() or not item:
        return "'" + item.replace("'", "''") + "'"
    return item


def _split(text: str, separator: str, limit: int | None = None) -> list[str]:
    """Split at separators outside quotes; a quoted item (single or double, doubled inside) is unquoted."""
    parts: list[str] = []
    position = 0
    while True:
        if limit is not None and len(parts) == limit:
            return [*parts, _unquoted(text[position:].strip())]
        end = _item_end(text, position, separator)
        parts.append(_unquoted(text[position:end].strip()))
        if end >= len(text):
            return parts
        position = end + 1


def _item_end(text: str, start: int, separator: str) -> int:
    while text[start : start + 1].isspace():
        start += 1
    quote = text[start : start + 1]
    if quote not in ("'", '"') or not quote:
        found = text.find(separator, start)
        return len(text) if found < 0 else found
    position = start + 1
    while (closing := text.find(quote, position)) >= 0:
        if text[closing + 1 : closing + 2] != quote:
            found = text.find(separator, closing + 1)
            return len(text) if found < 0 else found
        position = closing + 2
    return len(text)


def _unquoted(item: str) -> str:
    quote = item[:1]
    if len(item) >= 2 and quote in ("'", '"') and item[-1] == quote:
        return item[1:-1].replace(quote * 2, quote)
    return item
