"""The list of rules names tests that are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]


def test_every_rule_names_a_test_that_exists() -> None:
    text = (TESTS / "contract/layout-rules.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 40
    assert [row for row in rows if "`test_" not in row] == []
    there = {
        name
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert sorted(set(re.findall(r"`(test_\w+)`", text)) - there) == []
