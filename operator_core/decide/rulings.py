"""What rules find wrong with a candidate: every finding once, in the order of the rules.

The one frame for rules of every kind. A rule that cannot read the candidate raises Stalled: its message is a finding.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from operator_core import errors

C = TypeVar("C")


def findings(rules: Iterable[Callable[[C], Iterator[str]]], candidate: C) -> tuple[str, ...]:
    """The findings; empty: nothing is wrong."""
    found: dict[str, None] = {}
    for rule in rules:
        try:
            for finding in rule(candidate):
                found[finding] = None
        except errors.Stalled as error:
            found[error.message] = None
    return tuple(found)
