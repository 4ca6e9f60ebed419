"""Previews: what the step between two revisions does, by path and effect, never by value."""

from typing import Any

from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import preparing, previews
from gitsync.plan.preparing import Prepared
from gitsync.plan.previews import Action
from operator_core.conf import defaults as layers

JOB: dict[str, Any] = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "j"},
    "spec": {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "serviceAccount": "flink",
        "flinkConfiguration": {
            "execution.checkpointing.savepoint-dir": "file:///s",
            "execution.checkpointing.dir": "file:///c",
        },
        "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "job": {"jarURI": "local:///x.jar", "parallelism": 1, "upgradeMode": "savepoint"},
    },
}


def side(*bodies: dict[str, Any]) -> Prepared:
    objects = tuple(RenderedObject(body, "apps/all.yaml", 1 + number) for number, body in enumerate(bodies))
    return preparing.prepare(objects, previews.offline_kinds(objects), AppName("", "plan"), preparing.Place("jobs"))


def job(**changes: Any) -> dict[str, Any]:
    return {**JOB, "spec": {**JOB["spec"], "job": {**JOB["spec"]["job"], **changes}}}


def secret(value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": value}}


def test_nothing_changes() -> None:
    assert previews.between(side(JOB), side(JOB), layers.NONE).is_empty


def test_change_of_parallelism_is_an_upgrade_with_its_state() -> None:
    preview = previews.between(side(JOB), side(job(parallelism=2)), layers.NONE)
    (row,) = preview.rows
    assert (row.action, row.paths) == (Action.change, ("spec.job.parallelism",))
    assert row.effect is not None and row.effect.effect == "upgrade-savepoint"


def test_created_and_pruned_in_both_directions() -> None:
    created = previews.between(side(), side(JOB), layers.NONE).rows
    pruned = previews.between(side(JOB), side(), layers.NONE).rows
    assert [(row.action, row.effect.effect.value if row.effect else "") for row in (*created, *pruned)] == [
        (Action.create, "create"),
        (Action.prune, "delete"),
    ]
    assert pruned[0].effect is not None and "savepoint" in pruned[0].effect.reason


def test_values_are_never_shown() -> None:
    preview = previews.between(side(secret("old-s3cr3t")), side(secret("new-s3cr3t")), layers.NONE)
    assert preview.rows[0].paths == ("data.token",)
    assert "s3cr3t" not in str([row.to_json() for row in preview.rows])


def test_named_list_items_are_found_by_name() -> None:
    def pods(*containers: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"containers": list(containers)}}

    old = pods({"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"})
    new = pods({"name": "b", "image": "y:2"}, {"name": "a", "image": "x:1"})
    assert previews.changed_paths(old, new) == ("spec.containers[name=b].image",)


def test_cluster_scoped_kinds_are_known_without_a_cluster() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    assert side(role).desired[0].identity.namespace == ""
