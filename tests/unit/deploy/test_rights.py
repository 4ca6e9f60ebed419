"""Every right of deploy/kustomize/base has somebody who needs it, and nobody needs more.

That they are enough is shown with a real API server by `tests/contract/test_deployed_agent.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BASE = ROOT / "deploy" / "kustomize" / "base"
FLINK, RBAC = "flink.apache.org", "rbac.authorization.k8s.io"
FLINK_KINDS = "flinkdeployments flinksessionjobs flinkstatesnapshots"
FLINK_STATUSES = " ".join(f"{kind}/status" for kind in FLINK_KINDS.split())
FLINK_FINALIZERS = " ".join(f"{kind}/finalizers" for kind in FLINK_KINDS.split())
CONTENT = (
    ("", "services secrets serviceaccounts persistentvolumeclaims"),
    (RBAC, "roles rolebindings"),
    ("networking.k8s.io", "ingresses"),
    ("batch", "jobs"),
    (FLINK, FLINK_KINDS),
)
"""Kinds that Git may contain, beside those that teams are granted in full."""


@dataclass(frozen=True)
class Need:
    """Who needs verbs on resources of a group; `who` is a module, or a file of deploy/ for what others ask."""

    group: str
    resources: str
    verbs: str
    who: str


CLUSTER = (
    *(Need(group, kinds, "list watch", "gitsync/apply/livecaches.py") for group, kinds in CONTENT),
    *(Need(group, kinds, "create patch", "gitsync/apply/sending.py") for group, kinds in CONTENT),
    *(Need(group, kinds, "get", "gitsync/apply/adopting.py") for group, kinds in CONTENT),
    *(Need(group, kinds, "delete", "gitsync/apply/applying.py") for group, kinds in CONTENT),
    Need(
        FLINK,
        FLINK_STATUSES,
        "update",
        "operator_core/controllers/publish.py",
    ),
    Need(
        FLINK,
        FLINK_STATUSES,
        "patch",
        "operator_core/controllers/foreignoperators.py",
    ),
    # OwnerReferencesPermissionEnforcement, for owners with blockOwnerDeletion.
    Need(
        FLINK,
        FLINK_FINALIZERS,
        "update",
        "operator_core/build/jobmanager.py",
    ),
    # Nobody can grant what he has not: the Role of a Flink job's account has these.
    Need("", "pods configmaps", "*", "repo-layout-example"),
    Need("apps", "deployments deployments/finalizers", "*", "repo-layout-example"),
    Need("", "namespaces", "get list watch patch", "gitsync/apply/livecaches.py"),
    Need("", "namespaces", "create", "gitsync/apply/applying.py"),
    Need("coordination.k8s.io", "leases", "list", "operator_core/controllers/foreignoperators.py"),
    Need("", "pods/log", "get", "operator_core/controllers/observe.py"),
    Need("discovery.k8s.io", "endpointslices", "list watch", "operator_core/controllers/watched.py"),
    Need("", "events", "get create patch", "operator_core/kube/events.py"),
    Need("", "events", "list", "operator_core/controllers/observe.py"),
)
HOME = (
    Need("gitsync.io", "syncapps", "list watch", "gitsync/wakes.py"),
    Need("gitsync.io", "syncapps", "get create patch", "gitsync/apply/rootapps.py"),
    Need("gitsync.io", "syncapps", "delete", "gitsync/apply/applying.py"),
    Need("gitsync.io", "syncapps/status", "update", "gitsync/report/publishing.py"),
    Need("argoproj.io", "appprojects", "list watch", "gitsync/rights/projectstores.py"),
    Need("coordination.k8s.io", "leases", "get create update", "operator_core/kube/leases.py"),
)


def granted(file: str, kind: str) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every rule."""
    documents = yaml.safe_load_all((BASE / file).read_text())
    rules = next(one for one in documents if one["kind"] == kind)["rules"]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(needs: tuple[Need, ...]) -> Iterator[tuple[str, str, str]]:
    for need in needs:
        yield from ((need.group, one, verb) for one in need.resources.split() for verb in need.verbs.split())


@pytest.mark.parametrize(
    ("file", "kind", "needs"),
    [("clusterrole.yaml", "ClusterRole", CLUSTER), ("role.yaml", "Role", HOME)],
    ids=["in the cluster", "at home"],
)
def test_rights_are_those_that_somebody_needs(file: str, kind: str, needs: tuple[Need, ...]) -> None:
    rights, wanted = granted(file, kind), set(needed(needs))
    assert rights - wanted == set(), "nobody needs these"
    assert wanted - rights == set(), "somebody needs these too"
    assert [one.who for one in needs if not (ROOT / one.who).exists()] == []


def test_no_right_lets_the_agent_give_itself_more() -> None:
    rights = granted("clusterrole.yaml", "ClusterRole") | granted("role.yaml", "Role")
    assert not {right for right in rights if right[2] in ("escalate", "bind", "impersonate")}
    assert not {right for right in rights if "*" in right[:2]}
    assert not {right for right in rights if right[1] in ("clusterroles", "clusterrolebindings", "nodes", "pods/exec")}
