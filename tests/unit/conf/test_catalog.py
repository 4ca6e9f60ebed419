"""The table of the operator's options is on its page, and true."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import operator_core
from operator_core.conf import catalog, options
from operator_core.conf.catalog import Entry
from operator_core.conf.options import Option

ROOT = Path(operator_core.__path__[0])
PAGE = ROOT.parent / "docs" / "configuration.md"
SUPPORTED = [
    one for one in catalog.ENTRIES if one.state == "supported" and not one.key.startswith("default-configuration.")
]


def declared() -> dict[str, tuple[str, Option]]:
    """Options of the operator by key: the name of their constant, and the option."""
    found: dict[str, tuple[str, Option]] = {}
    for module in pkgutil.walk_packages([str(ROOT)], "operator_core."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Option):
                found.update({key: (name, value) for key in value.keys if key.startswith(options.OPERATOR_PREFIX)})
    return found


DECLARED = declared()


def test_the_page_has_the_table_as_it_is() -> None:
    assert catalog.written(PAGE.read_text()) == PAGE.read_text(), "run `make docs`"


def test_every_key_is_told_once() -> None:
    keys = [one.key for one in catalog.ENTRIES]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("one", SUPPORTED, ids=lambda one: one.key)
def test_a_supported_option_is_read_with_the_default_that_is_told(one: Entry) -> None:
    name, option = DECLARED[options.OPERATOR_PREFIX + one.key]
    used = re.compile(rf"\b{name}\b(?! = |: )")
    readers = [
        file
        for file in ROOT.rglob("*.py")
        if file.name not in ("options.py", "optionrules.py", "catalog.py") and used.search(file.read_text())
    ]
    assert readers, f"{name} is declared, and nobody reads it"
    assert (option.default or "") == one.default


@pytest.mark.parametrize("key", sorted(DECLARED))
def test_what_is_read_is_in_the_table(key: str) -> None:
    short = key.removeprefix(options.OPERATOR_PREFIX)
    if short.startswith(("job.autoscaler.", "default-configuration.")) or key != DECLARED[key][1].key:
        return
    assert short in {one.key for one in catalog.ENTRIES}


@pytest.mark.parametrize("one", [one for one in catalog.ENTRIES if one.state != "supported"], ids=lambda one: one.key)
def test_what_is_not_supported_says_why(one: Entry) -> None:
    assert one.note
