"""Runs of the protocol's state machine that once ended badly, each told in a sentence."""

from typing import Any

import pytest
from test_protocol import Protocol

Steps = list[tuple[str, dict[str, Any]]]
CANCEL = "kubernetes.operator.job.upgrade.last-state.job-cancel.enabled"


def _lived(rounds: int, *, checkpoints: bool) -> tuple[str, dict[str, Any]]:
    return "live", {"rounds": rounds, "api": None, "rest": None, "checkpoints": checkpoints}


EXAMPLES: list[Any] = [
    pytest.param(
        {"ha": True, "mode": "last-state", "standalone": standalone, "wishes": {CANCEL}},
        [
            _lived(6, checkpoints=True),
            ("edit", {"change": "bad"}),
            _lived(1, checkpoints=False),
            _lived(1, checkpoints=False),
            ("strike", {"kind": "jobmanager"}),
        ],
        id=f"the JobManager forgot the checkpoints of the job that was cancelled, {kind}",
    )
    for standalone, kind in ((True, "standalone"), (False, "native"))
]
EXAMPLES.append(
    pytest.param(
        {"ha": True, "mode": "savepoint", "standalone": True, "wishes": set()},
        [
            ("change", {"change": "valid", "api": None, "rest": None, "mishap": "hang", "passes": 1}),
            _lived(3, checkpoints=False),
            ("strike", {"kind": "workers"}),
            _lived(2, checkpoints=False),
            ("strike", {"kind": "jobmanager"}),
        ],
        id="the job ran and failed while nobody could look, and its JobManager forgot it",
    )
)


@pytest.mark.parametrize(("world", "steps"), EXAMPLES)
def test_it_ends_well_now(world: dict[str, Any], steps: Steps) -> None:
    protocol = Protocol()
    protocol.create(**world)
    for rule, arguments in steps:
        getattr(protocol, rule)(**arguments)
    protocol.teardown()
