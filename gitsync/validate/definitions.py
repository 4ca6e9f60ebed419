"""Our own kinds' definitions as data, written at build time: making them from the models takes longer than a check.

`python -m gitsync.validate.definitions` writes the file beside this module; a test holds it to the models.
"""

import functools
import json
from pathlib import Path

from operator_core.jsonvalues import Object

FILE = Path(__file__).with_name("definitions.json")
GROUPS = ("flink.apache.org", "gitsync.io")


@functools.cache
def _all() -> tuple[Object, ...]:
    return tuple(json.loads(FILE.read_bytes()))


def of_group(group: str) -> tuple[Object, ...]:
    """The CustomResourceDefinitions of one of GROUPS."""
    return tuple(one for one in _all() if one["spec"]["group"] == group)


def text() -> str:
    """The file as the models have it now."""
    from gitsync.model import syncapps
    from operator_core.model import crds

    return json.dumps([*crds.flink_crds(), syncapps.crd()], separators=(",", ":"), ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
