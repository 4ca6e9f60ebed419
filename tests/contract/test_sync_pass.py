"""The sync half against a real API server and a real repository: what a commit does, and what it must not."""

import time

from syncing import DEPLOYMENT, ONE, SECRET, SERVICE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SERVICES


def quiet_requests(client: Client, seconds: float = 1.5) -> int:
    """How many requests an agent sends in a while in which nothing happens."""
    before = client.requests_sent
    time.sleep(seconds)
    return client.requests_sent - before


def test_a_commit_is_applied_and_then_costs_nothing(cluster: Cluster, repository: Repository, start: Start) -> None:
    text = "---\n".join([ONE, SERVICE, DEPLOYMENT, SECRET])
    first = repository.commit("first", {"apps/all.yaml": text})
    agent = start()
    app = cluster.wait_synced(first)
    assert [entry.id for entry in app.status.inventory] == [
        f"/Secret:{cluster.namespace}/key",
        f"/ConfigMap:{cluster.namespace}/one",
        f"/Service:{cluster.namespace}/web",
        f"apps/Deployment:{cluster.namespace}/web",
    ]
    live = cluster.get(CONFIG_MAPS, "one")
    assert live is not None
    assert live["metadata"]["annotations"] == {
        "gitsync.io/tracking-id": f"{cluster.namespace}/root:/ConfigMap:{cluster.namespace}/one",
        "gitsync.io/revision": first,
    }
    assert "s3cr3t" not in str(app.status.to_json())
    wait_for("write-back", lambda: cluster.condition("WriteBack")[0] == "True" or None)
    assert quiet_requests(agent.half.client) == 0


def test_unrelated_commit_costs_no_request_and_keeps_the_revision(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    agent = start()
    cluster.wait_synced(first)
    wait_for("write-back", lambda: cluster.condition("WriteBack")[0] == "True" or None)
    before = agent.half.client.requests_sent
    newest = repository.commit("docs", {"README.md": "hello"})
    wait_for("the commit is seen", lambda: agent.half.newest(str(repository.bare), "main") == newest or None)
    time.sleep(0.5)
    assert agent.half.client.requests_sent == before
    assert cluster.app().status.attempted_revision == first


def test_removed_field_and_changed_field_follow_git(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE, "apps/web.yaml": SERVICE})
    start()
    cluster.wait_synced(first)
    text = ONE.replace(', b: "2"', ', c: "3"')
    second = repository.commit("second", {"apps/one.yaml": text})
    cluster.wait_synced(second)
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data") == {"a": "1", "c": "3"}
    # Only what changed carries the new revision.
    assert dig(cluster.get(SERVICES, "web"), "metadata", "annotations", "gitsync.io/revision") == first
    assert dig(cluster.get(CONFIG_MAPS, "one"), "metadata", "annotations", "gitsync.io/revision") == second


def _replace(client: Client, obj: Object) -> None:
    client.send(requests.replace(CONFIG_MAPS, obj, field_manager="somebody"))


def test_drift_is_repaired_at_once_and_foreign_fields_stay(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    live = cluster.get(CONFIG_MAPS, "one")
    assert live is not None
    _replace(cluster.client, {**live, "data": {"a": "broken", "b": "2", "theirs": "x"}})
    began = time.monotonic()
    wait_for("repair", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "1" or None)
    assert time.monotonic() - began < 2.0
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data") == {"a": "1", "b": "2", "theirs": "x"}
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "one"))
    wait_for("recreation", lambda: cluster.get(CONFIG_MAPS, "one"))


def test_broken_commit_changes_nothing_says_where_and_is_healed_by_the_next(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start(prune=True)
    cluster.wait_synced(first)
    repository.commit(
        "broken", {"apps/two.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two\n", "apps/one.yaml": None}
    )
    message = cluster.wait_not_ready("RenderFailed")
    assert message.startswith("apps/two.yaml:")
    assert first[:7] in message
    assert cluster.get(CONFIG_MAPS, "one") is not None
    # The last good revision is still defended.
    cluster.client.send(requests.delete(CONFIG_MAPS, cluster.namespace, "one"))
    wait_for("recreation", lambda: cluster.get(CONFIG_MAPS, "one"))
    third = repository.commit("mended", {"apps/two.yaml": ONE.replace("one", "two")})
    cluster.wait_synced(third)
    wait_for("pruning", lambda: cluster.get(CONFIG_MAPS, "one") is None or None)
    assert cluster.get(CONFIG_MAPS, "two") is not None


def test_unknown_kind_blocks_the_whole_revision(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    odd = "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: g}\n"
    repository.commit("odd", {"apps/odd.yaml": f"# a comment\n{odd}", "apps/two.yaml": ONE.replace("one", "two")})
    message = cluster.wait_not_ready("UnknownKind")
    assert "apps/odd.yaml:2: the cluster does not know the kind Gadget of example.org/v1" in message
    assert cluster.get(CONFIG_MAPS, "two") is None
    assert cluster.condition("Stalled")[0] == "True"


def test_refused_object_does_not_stop_the_others(cluster: Cluster, repository: Repository, start: Start) -> None:
    bad = SERVICE.replace("port: 80", "port: 99999").replace("web", "bad")
    revision = repository.commit(
        "first", {"apps/bad.yaml": f"{ONE}---\n{bad}", "apps/two.yaml": ONE.replace("one", "two")}
    )
    start()
    message = cluster.wait_not_ready("Invalid")
    assert "apps/bad.yaml:6: " in message
    assert "99999" in message
    assert cluster.get(CONFIG_MAPS, "one") is not None
    assert cluster.get(CONFIG_MAPS, "two") is not None
    app = cluster.app()
    assert app.status.sync is not None
    assert (app.status.sync.status, app.status.sync.revision) == ("OutOfSync", None)
    assert app.status.attempted_revision == revision
    good = repository.commit("mended", {"apps/bad.yaml": f"{ONE}---\n{bad.replace('99999', '80')}"})
    cluster.wait_synced(good)


def test_unknown_field_is_refused_with_its_name(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("typo", {"apps/web.yaml": SERVICE.replace("selector", "selektor")})
    start()
    assert "selektor" in cluster.wait_not_ready("Invalid")


def test_definition_and_its_object_in_one_commit(cluster: Cluster, repository: Repository, start: Start) -> None:
    group = f"{cluster.namespace[-12:].strip('-')}.example.org"
    definition = f"""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: gadgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Gadget, listKind: GadgetList, plural: gadgets, singular: gadget}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{size: {{type: integer}}}}}}}}
"""
    gadget = f"apiVersion: {group}/v1\nkind: Gadget\nmetadata: {{name: g}}\nspec: {{size: 3}}\n"
    revision = repository.commit("both", {"apps/a-gadget.yaml": gadget, "apps/definition.yaml": definition})
    start()
    cluster.wait_synced(revision)
    live = cluster.get(requests.Resource(group, "v1", "gadgets", "Gadget"), "g")
    assert dig(live, "spec", "size") == 3


def test_adoption_from_kubectl_lets_removed_fields_disappear(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1", "old": "x"}}
    cluster.client.send(
        requests.create(CONFIG_MAPS, cluster.namespace, body, field_manager="kubectl-client-side-apply")
    )
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    # What Git describes is Git's alone: a field of the former tool that Git never had is gone.
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data") == {"a": "1", "b": "2"}


def test_missing_branch_and_missing_path_are_said(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("first", {"apps/one.yaml": ONE})
    start(revision="nowhere")
    assert "nowhere" in cluster.wait_not_ready("RevisionNotFound")


def test_missing_path_is_said(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("first", {"apps/one.yaml": ONE})
    start(path="elsewhere")
    assert "elsewhere" in cluster.wait_not_ready("PathNotFound")


def test_missing_namespace_is_made_for_the_destination(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start(destination_namespace=f"{cluster.namespace[:40]}-made")
    cluster.wait_synced(first)


def test_suspended_app_is_left_alone(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    start()
    cluster.wait_synced(first)
    annotate = {"metadata": {"annotations": {"gitsync.io/suspend": '{"reason": "maintenance"}'}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "root", annotate))
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"9"')})
    assert "suspended: maintenance" in cluster.wait_not_ready("OutOfSync")
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "1"
    annotate = {"metadata": {"annotations": {"gitsync.io/suspend": None}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "root", annotate))
    cluster.wait_synced(second)
