"""What the events say of real lives of jobs: every step and trouble, with reason, type and component as docs/events.md.

The resources are changed at the API server, as another tool than Git would; only the operator half runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import highlyavailable
import lives
import pytest
import savedstates
from lives import OPERATOR, SPEC_CHANGED, STATUS_CHANGED, SUBMIT, SUSPENDED, UPGRADE, Row, begin, configured
from teams import Team

from operator_core.jsonvalues import Object
from operator_core.kube import requests

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def operated(team: Team) -> Iterator[Team]:
    """The operator half, and the access that jobs need."""
    with lives.operated(team):
        yield team


def test_a_job_that_is_changed_lost_and_rolled_back(operated: Team) -> None:
    def first(manifest: Object) -> None:
        highlyavailable.change(manifest)
        patience = {f"{OPERATOR}deployment.readiness.timeout": "2 min"}
        configured(manifest, {f"{OPERATOR}deployment.rollback.enabled": "true"} | patience)

    life = begin(operated, "lasting", first)
    life.lifecycle("STABLE")

    life.changes(lambda spec: spec["job"].update(parallelism=-1))
    life.hears(("ValidationError", "Warning", "Operator"))
    life.changes(lambda spec: spec["job"].update(parallelism=2))
    operated.running("lasting", parallelism=2)
    life.hears(*UPGRADE)

    life.changes(lambda spec: spec["job"].update(state="suspended"))
    life.lifecycle("SUSPENDED")
    life.hears(SPEC_CHANGED, SUSPENDED)
    life.changes(lambda spec: spec["job"].update(state="running"))
    operated.running("lasting", parallelism=2)
    life.hears(SPEC_CHANGED, SUBMIT, STATUS_CHANGED)
    life.lifecycle("STABLE")

    savedstates.saved(operated, "lasting")
    operated.client.send(requests.delete(requests.DEPLOYMENTS, operated.jobs, "lasting"))
    life.hears(
        ("Missing", "Warning", "JobManagerDeployment"),
        ("RecoverDeployment", "Warning", "Job"),
        SUBMIT,
        STATUS_CHANGED,
    )
    life.lifecycle("STABLE")

    life.changes(lambda spec: spec.update(image="ticks:no-such-tag"))
    life.lifecycle("ROLLED_BACK")
    rolled_back = ("Rollback", "Normal", "JobManagerDeployment")
    life.hears(
        *UPGRADE, rolled_back, ("ErrImagePull", "Warning", "JobManagerDeployment"), but=frozenset(lives.NO_IMAGE)
    )
    life.changes(lambda spec: spec.update(image="ticks:1.20"))
    life.lifecycle("STABLE")
    life.hears()


def test_a_job_that_fails_and_is_started_again(operated: Team) -> None:
    def failing(manifest: Object) -> None:
        manifest["spec"]["job"]["args"] = ["--rate", "100", "--fail-after", "600"]
        configured(manifest, {"restart-strategy.type": "none", f"{OPERATOR}job.restart.failed": "true"})

    life = begin(operated, "failing", failing)
    again: set[Row] = {(reason, "Warning", "Job") for reason in ("JobException", "Error", "RestartFailedJob")}
    life.hears(*again, SUBMIT, STATUS_CHANGED)
    life.ends()
    life.hears(("Cleanup", "Normal", "Operator"), but=frozenset({*again, SUBMIT}))  # it may fail once more
