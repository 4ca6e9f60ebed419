"""Columns for people, JSON and YAML for programs; colours only where a terminal reads."""

import json
from collections.abc import Sequence

import click

from operator_core.jsonvalues import Json

_COLOURS = {
    "Synced": "green",
    "Healthy": "green",
    "True": "green",
    "RUNNING": "green",
    "OutOfSync": "yellow",
    "Progressing": "yellow",
    "Suspended": "yellow",
    "Degraded": "red",
    "Missing": "red",
    "False": "red",
    "FAILED": "red",
    "state-loss": "red",
    "rejected": "red",
}


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, the last one as long as it likes."""
    table = [list(heads), *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(row[number]) for row in table) for number in range(len(heads))]
    lines = []
    for number, row in enumerate(table):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)] + [row[-1]]
        lines.append("  ".join(cells if number == 0 else [_coloured(cell) for cell in cells]).rstrip())
    return "\n".join(lines)


def _coloured(cell: str) -> str:
    colour = _COLOURS.get(cell.strip())
    return click.style(cell, fg=colour) if colour else cell


def document(value: Json, form: str) -> str:
    """`value` as `json` or `yaml` text."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    return text.rstrip()
