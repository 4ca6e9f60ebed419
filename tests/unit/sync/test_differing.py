"""What `gitsync diff` shows of an object: values, who set them, and never a secret; and the commits of an app."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitsync.model.differences import Difference, Kind
from gitsync.model.identities import Identity
from gitsync.model.plans import Desired, Plan, Update
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.model.revisions import Revision
from gitsync.model.syncstatuses import HistoryEntry
from gitsync.report import differing, histories
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, SECRETS, Resource

MANAGED = [
    {
        "manager": "kubectl-edit",
        "time": "2026-01-02",
        "fieldsV1": {
            "f:spec": {"f:replicas": {}, "f:ports": {".": {}, 'k:{"name":"http"}': {"f:port": {}}}},
            "f:data": {"f:a": {}},
        },
    },
    {"manager": "gitsync", "time": "2026-01-01", "fieldsV1": {"f:spec": {"f:template": {}, "f:replicas": {}}}},
]


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (("spec", "replicas"), "kubectl-edit, gitsync"),
        (("spec", "ports", "[name=http]", "port"), "kubectl-edit"),
        (("spec", "template", "spec", "x"), "gitsync"),
        (("spec", "other"), ""),
    ],
)
def test_owner_of_a_field(path: tuple[str, ...], owner: str) -> None:
    assert differing.owner_of({"metadata": {"managedFields": MANAGED}}, path) == owner


def shown(
    kind: str, resource: Resource, wanted: dict[str, Any], live: dict[str, Any], *differences: Difference
) -> dict[str, tuple[str | None, str | None]]:
    identity = Identity(resource.group, kind, "n", "a")
    desired = Desired(identity, resource, wanted, "d", "f.yaml", 1)
    plan = Plan("r" * 40, (Update(desired, differences, adopts=False),), (), (), ())
    found = differing.differences(plan, {identity: live})
    return {field.path: (field.live, field.wanted) for field in found[0].fields}


def test_values_are_told_down_to_the_field_that_differs() -> None:
    wanted = {"data": {"a": "1", "b": "2", "c": "3"}}
    live = {"metadata": {}, "data": {"a": "9", "b": "2"}}
    missing = Difference(("data",), Kind.missing)
    assert shown("ConfigMap", CONFIG_MAPS, wanted, live, missing) == {"data.a": ("9", "1"), "data.c": (None, "3")}


def test_secrets_are_never_told() -> None:
    changed = Difference(("data", "token"), Kind.changed)
    secret = {"data": {"token": "b25l"}}
    assert shown("Secret", SECRETS, secret, {"metadata": {}, **secret}, changed) == {"data.token": ("***", "***")}
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "A", "value": "b"}]
    wanted = {"spec": {"env": env, "conf": {"s3.secret-key": "abc"}}}
    told = shown(
        "Deployment",
        DEPLOYMENTS,
        wanted,
        {"metadata": {}, "spec": {"env": [], "conf": {"s3.secret-key": "xyz"}}},
        Difference(("spec", "env"), Kind.changed),
        Difference(("spec", "conf", "s3.secret-key"), Kind.changed),
    )
    assert "hunter2" not in str(told) and "abc" not in str(told) and "xyz" not in str(told)
    assert '{"name": "A", "value": "b"}' in str(told["spec.env"][1])


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(sha: str, phase: Phase, minutes: int, effect: str = "") -> Record:
    jobs = (JobRecord("FlinkDeployment", "n", "j", effect),) if effect else ()
    return Record("c", "root", sha * 40, phase, "R", f"{phase} it", NOW + timedelta(minutes=minutes), jobs)


def test_history_joins_what_the_cluster_and_the_repository_know() -> None:
    deployed = [HistoryEntry(id=3, revision="a" * 40, deployed_at="2026-01-01T12:00:00.500Z")]
    told = [
        record("a", Phase.APPLIED, 0),
        record("a", Phase.STABLE, 1, "create"),
        record("b", Phase.FAILED, 5),
    ]
    commits = {"a" * 40: Revision("r", "main", "a" * 40, NOW, "Ann", "Begin")}
    rows = histories.rows(deployed, told, commits, 10)
    assert [(row.revision[0], row.number, row.phase, row.author, row.subject) for row in rows] == [
        ("b", None, "failed", "", ""),
        ("a", 3, "stable", "Ann", "Begin"),
    ]
    assert rows[1].jobs[0].effect == "create"
    assert rows[0].to_json() == {"revision": "b" * 40, "phase": "failed", "reason": "R", "message": "failed it"}
    assert len(histories.rows(deployed, told, commits, 1)) == 1
