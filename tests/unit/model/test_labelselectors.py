"""Label selectors: what they select, and what is none."""

import pytest

from operator_core.errors import Stalled
from operator_core.model import labelselectors

LABELS = {"team": "payments", "example.com/stage": "live", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        (" ", True),
        ("team=payments", True),
        ("team==payments", True),
        ("team = payments", True),
        ("team=search", False),
        ("team!=search", True),
        ("team!=payments", False),
        ("other!=x", True),
        ("team", True),
        ("other", False),
        ("!other", True),
        ("! other", True),
        ("!team", False),
        ("empty=", True),
        ("team=", False),
        ("example.com/stage in (test, live)", True),
        ("example.com/stage in (test)", False),
        ("example.com/stage notin (test,live)", False),
        ("other notin (a)", True),
        ("other in (a)", False),
        ("team=payments,example.com/stage in (test,live),!other", True),
        ("team=payments,example.com/stage in (test,live),other", False),
    ],
)
def test_what_is_selected(text: str, selected: bool) -> None:
    assert labelselectors.parse(text).selects(LABELS) is selected


@pytest.mark.parametrize(
    "text", ["=x", "a b", "a=b c", "a in", "a in (b", "in (b)", "a=b,", ",", "a=b=c", "A_/x=y", "a=-b", "a in (b(c))"]
)
def test_what_is_none_is_told(text: str) -> None:
    with pytest.raises(Stalled, match="is no label selector"):
        labelselectors.parse(text)
