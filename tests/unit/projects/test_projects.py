"""What a project allows, by Argo CD's rules, and that every refusal names its rule."""

import pytest

from gitsync.model import projects as models
from gitsync.model.identities import Identity
from gitsync.model.plans import Desired, Keep, Plan, Prune
from gitsync.model.projects import Project
from gitsync.plan import patterns, projects
from gitsync.rights import credentials
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, NAMESPACES, SECRETS, Resource

HERE = {"server": "https://kubernetes.default.svc"}


def project(**spec: object) -> Project:
    return models.parse("team", spec)


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "fits"),
    [
        ("*", "a/b", "/", True),
        ("https://h/team/*", "https://h/team/a", "/", True),
        ("https://h/team/*", "https://h/team/a/b", "/", False),
        ("https://h/team/**", "https://h/team/a/b", "/", True),
        ("https://h/{a,b}/x", "https://h/b/x", "/", True),
        ("team-?", "team-1", "", True),
        ("team-[a-c]", "team-b", "", True),
        ("team-[!a-c]", "team-b", "", False),
        ("a.b", "axb", "", False),
        ("!team-*", "other", "", True),
        ("!team-*", "team-1", "", False),
        ("\\*", "x", "", False),
        ("{a", "{a", "", True),
    ],
)
def test_patterns(pattern: str, text: str, separator: str, fits: bool) -> None:
    assert patterns.matches(pattern, text, separator=separator) is fits


@pytest.mark.parametrize(
    ("allowed", "url", "rule"),
    [
        (["*"], "https://h/a", ""),
        (["https://h/team/*"], "https://h/Team/a.git", ""),
        (["https://h/team/a.git"], "https://h/team/a", ""),
        (["ssh://h/team/*"], "git@h:team/a.git", ""),
        (["https://h/team/*"], "https://h/other/a", "sourceRepos has 'https://h/team/*'"),
        (["https://h/team/*"], "https://h/team/a/b", "sourceRepos has"),
        (["*", "!https://h/secret/*"], "https://h/secret/a", "sourceRepos has '!https://h/secret/*'"),
        (["*", "!https://h/secret/*"], "https://h/open/a", ""),
        ([], "https://h/a", "sourceRepos has nothing"),
        (None, "https://h/a", "sourceRepos has nothing"),
    ],
)
def test_repositories(allowed: object, url: str, rule: str) -> None:
    one = project(sourceRepos=allowed)
    if not rule:
        projects.check_source(one, url, credentials.normalised(url))
        return
    with pytest.raises(Stalled) as caught:
        projects.check_source(one, url, credentials.normalised(url))
    assert caught.value.reason is Reason.ProjectRefused
    assert f"the project 'team' does not allow the repository {url}: {rule}" in caught.value.message


@pytest.mark.parametrize(
    ("destinations", "namespace", "rule"),
    [
        ([{**HERE, "namespace": "team-*"}], "team-1", ""),
        ([{"server": "*", "namespace": "*"}], "x", ""),
        ([{"name": "in-cluster", "namespace": "x"}], "x", ""),
        ([{**HERE, "namespace": "team-*"}], "other", "destinations has 'team-*'"),
        ([{"server": "https://elsewhere", "namespace": "*"}], "x", "destinations has '*'"),
        ([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!kube-*"}], "kube-x", "has '!kube-*'"),
        ([], "x", "destinations has nothing"),
    ],
)
def test_destinations(destinations: object, namespace: str, rule: str) -> None:
    one = project(destinations=destinations)
    if not rule:
        projects.check_namespace(one, namespace)
        return
    with pytest.raises(Stalled, match="the destination namespace") as caught:
        projects.check_namespace(one, namespace)
    assert rule in caught.value.message


FLINK = [{"group": "flink.apache.org", "kind": "*"}]
ANYWHERE = [{"server": "*", "namespace": "*"}]


@pytest.mark.parametrize(
    ("spec", "resource", "rule"),
    [
        ({}, CONFIG_MAPS, ""),
        ({"namespaceResourceWhitelist": FLINK}, FLINK_DEPLOYMENTS, ""),
        ({"namespaceResourceWhitelist": FLINK}, SECRETS, "kind Secret: namespaceResourceWhitelist does not have it"),
        ({"namespaceResourceWhitelist": []}, SECRETS, "namespaceResourceWhitelist does not have it"),
        ({"namespaceResourceBlacklist": FLINK}, FLINK_DEPLOYMENTS, "FlinkDeployment of flink.apache.org: namespaceR"),
        ({"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}, CONFIG_MAPS, ""),
        ({}, NAMESPACES, "kind Namespace: clusterResourceWhitelist does not have it"),
        ({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}, NAMESPACES, ""),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}, NAMESPACES, "does not"),
        (
            {
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "clusterResourceBlacklist": [{"group": "", "kind": "Namespace"}],
            },
            NAMESPACES,
            "clusterResourceBlacklist has it",
        ),
        (
            {"destinations": [{**HERE, "namespace": "other"}]},
            CONFIG_MAPS,
            "the namespace 'n': destinations has 'other'",
        ),
    ],
)
def test_kinds_and_namespaces_of_objects(spec: Object, resource: Resource, rule: str) -> None:
    one = desired(resource)
    found = projects.refusals(project(**{"destinations": ANYWHERE, **spec}), [one])
    assert len(found) == bool(rule)
    if rule:
        assert rule in found[0].message
        assert (found[0].file, found[0].line, found[0].reason) == ("a.yaml", 7, "ProjectRefused")


def desired(resource: Resource) -> Desired:
    identity = Identity(resource.group, resource.kind, "n" if resource.namespaced else "", "o")
    return Desired(identity, resource, {}, "", "a.yaml", 7)


def test_what_a_project_allows_no_more_is_not_deleted() -> None:
    prune = Prune(desired(SECRETS).identity, SECRETS, "u", False)
    plan = Plan("sha", (), (prune,), (), ())
    narrow = project(destinations=ANYWHERE, namespaceResourceWhitelist=FLINK)
    kept = projects.without_refused_prunes(narrow, plan).removals[0]
    assert isinstance(kept, Keep) and "namespaceResourceWhitelist" in kept.reason
    assert projects.without_refused_prunes(models.UNLIMITED, plan) is plan


def test_default_allows_all_until_it_is_defined() -> None:
    projects.check_source(models.UNLIMITED, "https://h/a/b/c", "https://h/a/b/c")
    projects.check_namespace(models.UNLIMITED, "n")
    assert projects.refusals(models.UNLIMITED, [desired(NAMESPACES), desired(SECRETS)]) == ()


def test_a_project_that_cannot_be_read_names_the_field() -> None:
    with pytest.raises(Stalled, match=r"the project 'team' is not valid: signatureKeys\.0\.keyID"):
        project(signatureKeys=[{}])
