"""Changes of a spec that are possible from what was deployed before, and those that are not."""

from typing import Any

import pytest
from specfixtures import (
    DIRECTORIES,
    findings,
    job,
)

SUSPENDED = {"job": {"state": "suspended", "upgradeMode": "last-state"}}


@pytest.mark.parametrize(
    ("last", "change", "message"),
    [
        ({}, {"job": None}, "spec.job: an application cluster cannot become a session cluster"),
        ({"job": None}, {}, "spec.job: a session cluster cannot become an application cluster"),
        ({"mode": "standalone"}, {}, "spec.mode cannot change from standalone to native"),
        (
            {},
            job(savepointRedeployNonce=1),
            "spec.job.savepointRedeployNonce redeploys from spec.job.initialSavepointPath",
        ),
        (
            SUSPENDED,
            {"flinkVersion": "v2_0", "job": {"upgradeMode": "savepoint"}, "flinkConfiguration": DIRECTORIES},
            "spec.flinkVersion: cannot change from v1_20 to v2_0 while the job is suspended with last-state",
        ),
    ],
)
def test_changes_that_are_not_possible(last: dict[str, Any], change: dict[str, Any], message: str) -> None:
    assert message in findings(change, last=last)[0]


@pytest.mark.parametrize(
    ("last", "change"),
    [
        ({}, {}),
        ({"mode": "native"}, {}),
        ({"job": {"savepointRedeployNonce": 1}}, job(savepointRedeployNonce=1)),
        ({}, job(savepointRedeployNonce=1, initialSavepointPath="s3://sp")),
        ({"flinkVersion": "v2_0"}, {}),
        (SUSPENDED, {"flinkVersion": "v2_0"}),
    ],
)
def test_changes_that_are_possible(last: dict[str, Any], change: dict[str, Any]) -> None:
    assert findings(change, last=last) == ()
