"""docs/events.md has every event that the operator half tells, with its type and component, and none besides."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from operator_core.decide import observing, podfailures, remarks, statesnapshots
from operator_core.errors import Reason

CHECKOUT = Path(__file__).parents[3]
COMPONENTS = {
    "JOB": observing.JOB,
    "JOB_MANAGER": observing.JOB_MANAGER,
    "OPERATOR": observing.OPERATOR,
    "COMPONENT": statesnapshots.COMPONENT,
}
SNAPSHOTS = ("SavepointCompleted", "CheckpointCompleted")
COMPUTED = {
    "INGRESS": (remarks.INGRESS,),
    "f'{facts.kind.capitalize()}Completed'": SNAPSHOTS,
    "f'{pending.kind.capitalize()}Completed'": SNAPSHOTS,
}
"""Reasons that are no literals, by the source that has them."""
KUBERNETES = {*podfailures.WAITING_REASONS, "FailedMount", "FailedCreate"}
OTHERS = {"DeprecatedFlinkVersion"}
Row = tuple[str, str, str]


def test_every_event_is_on_the_page() -> None:
    rows = set(told())
    assert len(rows) > 25, "the sources are no longer read"
    assert rows <= page(), rows - page()
    assert {("Warning", reason, observing.JOB_MANAGER) for reason in KUBERNETES} <= page()


def test_the_page_has_no_reason_that_is_never_told() -> None:
    known = {reason for _, reason, _ in told()} | {each.value for each in Reason} | KUBERNETES | OTHERS
    assert {reason for _, reason, _ in page()} <= known


def page() -> set[Row]:
    text = (CHECKOUT / "docs/events.md").read_text()
    rows = re.findall(r"^\| `(\w+)`(?: \+)? \| (\w+) \| (\w+) \|", text, re.MULTILINE)
    return {(type_, reason, component) for reason, type_, component in rows}


def told() -> Iterator[Row]:
    """`Event(type, reason, message, component)` as the sources have it, where they name the reason."""
    for file in (CHECKOUT / "operator_core/decide").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Event":
                type_, reason, _, component = (ast.unparse(each) for each in node.args[:4])
                where = component.strip("'").rpartition(".")[2]
                for each in reasons(reason):
                    yield type_.strip("'"), each, COMPONENTS.get(where, where)


def reasons(source: str) -> tuple[str, ...]:
    if source.startswith("Reason."):
        return (Reason[source.removeprefix("Reason.")].value,)
    return (source.strip("'"),) if source.startswith("'") else COMPUTED.get(source, ())
