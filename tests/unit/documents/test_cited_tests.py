"""Tests that the documents name exist under that name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMES = {file.name for file in (ROOT / "tests").rglob("*.py")}


@pytest.mark.parametrize("document", ["features.md", "incidents.md", "migration.md", "measurements.md", "waysout.md"])
def test_every_test_that_is_named_is_there(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()
    named = re.findall(r"`(?:tests/)?((?:[a-z0-9_]+/)*)(test_[a-z0-9_]+\.py)`", text)
    assert [name for _, name in named if name not in NAMES] == []
    assert [place + name for place, name in named if place and not (ROOT / "tests" / place / name).exists()] == []
