"""What passes found, for tests of what they report."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Desired, Plan, Step, Unchanged
from gitsync.model.syncstatuses import InventoryEntry, Status
from gitsync.plan.health import Assessed
from gitsync.report import status
from gitsync.report.findings import Findings
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, UTC)
LATER = NOW + timedelta(minutes=1)
APP = AppName("sys", "root")
MAP = Identity("", "ConfigMap", "n", "a")
JOB = Identity("flink.apache.org", "FlinkDeployment", "n", "j")
ENTRY = InventoryEntry(id=str(MAP), version="v1", revision="r1" * 20)
R1, R2 = "r1" * 20, "r2" * 20


def desired(identity: Identity = MAP, digest: str = "d") -> Desired:
    resource = CONFIG_MAPS if identity is MAP else FLINK_DEPLOYMENTS
    return Desired(identity, resource, {"metadata": {}}, digest, "apps/a.yaml", 3)


def plan(*steps: Step, revision: str = R1, removals: tuple[Any, ...] = ()) -> Plan:
    return Plan(revision, steps, removals, (), (ENTRY,))


def findings(**changes: Any) -> Findings:
    base: dict[str, Any] = {
        "attempted": R1,
        "plan": plan(Unchanged(desired())),
        "carried_out": True,
        "assessed": (Assessed(MAP, None),),
    }
    return Findings(**{**base, **changes})


def condition(found: Status, kind: str) -> tuple[str, str, str]:
    one = next(c for c in found.conditions if c.type == kind)
    return one.status, one.reason, one.message


def build(found: Findings, old: Status | None = None, now: datetime = NOW) -> Status:
    return status.build(old or Status(), 1, found, now)
