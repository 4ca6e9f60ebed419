"""Our own kinds' definitions as data, written ahead: making them from the models takes longer than a check.

`python -m gitsync.validate.definitions` writes the file beside this module, with a digest of the models it was made of;
where the models are others by now, they are asked themselves.
"""

import functools
import hashlib
import json
from pathlib import Path

import gitsync.model
import operator_core.model
from operator_core.jsonvalues import Object

FILE = Path(__file__).with_name("definitions.json")
GROUPS = ("flink.apache.org", "gitsync.io")
_SOURCES = (gitsync.model, operator_core.model)


def of_group(group: str) -> tuple[Object, ...]:
    """The CustomResourceDefinitions of one of GROUPS."""
    return tuple(one for one in _all(FILE) if one["spec"]["group"] == group)


@functools.cache
def _all(file: Path) -> tuple[Object, ...]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        known = {}
    return tuple(known["definitions"] if known.get("models") == _digest() else from_models())


def from_models() -> list[Object]:
    """The definitions as the models have them now."""
    from gitsync.model import syncapps
    from operator_core.model import crds

    return [*crds.flink_crds(), syncapps.crd()]


def write(file: Path = FILE) -> None:
    """Write the file."""
    content = {"models": _digest(), "definitions": from_models()}
    file.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n")


def _digest() -> str:
    """Changes with the text of any model."""
    found = hashlib.sha256()
    for package in _SOURCES:
        for place in package.__path__:
            for file in sorted(Path(place).glob("*.py")):
                found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


if __name__ == "__main__":
    write()
