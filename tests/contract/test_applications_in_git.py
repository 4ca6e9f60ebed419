"""Applications and ApplicationSets of real commits as child apps."""

from pathlib import Path

import pytest
from git_repositories import Repository, config_map

from gitsync.git.mirrors import Mirror, Mirrors
from gitsync.model import syncapps
from gitsync.model.identities import AppName
from gitsync.model.revisions import Revision
from gitsync.render import children, rendering
from gitsync.render.lookups import LARGEST_FILE, Lookups
from gitsync.render.selecting import Source
from operator_core.errors import Reason, Stalled

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: NAME, namespace: argocd}
spec:
  project: default
  source: {repoURL: ORIGIN, path: apps/NAME, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: flink}
"""
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - git: {repoURL: ORIGIN, revision: main, GENERATOR}
  template:
    metadata: {name: '{{ .path.basename }}'}
    spec:
      source: {repoURL: ORIGIN, path: '{{ .path.path }}', targetRevision: main}
      destination: {namespace: '{{ .team | default "flink" }}'}
"""
PARENT = AppName("gitsync-system", "root")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Mirror:
    return Mirrors(tmp_path / "mirrors").get(repository.url)


def family(repository: Repository, mirror: Mirror) -> tuple[children.Family, Lookups]:
    def find(url: str, revision: str) -> tuple[Mirror, Revision]:
        if url != repository.url:
            raise Stalled(Reason.RepositoryRefused, f"{url} is not allowed")
        return mirror, mirror.resolve(revision)

    lookups = Lookups(find)
    rendered = rendering.render(mirror, mirror.resolve("main"), Source("root"))
    assert rendered.ok, rendered.errors
    return children.family(rendered.objects, PARENT, lookups), lookups


def places(found: children.Family) -> dict[str, tuple[str, str]]:
    """Name -> path and namespace of every child; each is a sound SyncApp."""
    apps = [syncapps.parse(one.body) for one in found.objects if one.body["kind"] == "SyncApp"]
    return {app.name: (app.spec.source.path, app.spec.destination.namespace) for app in apps}


def test_an_app_of_apps(repository: Repository, mirror: Mirror) -> None:
    text = APPLICATION.replace("ORIGIN", repository.url)
    both = text.replace("NAME", "one") + "---\n" + text.replace("NAME", "two")
    repository.commit({"root/apps.yaml": both, "root/config.yaml": config_map("a")})
    found, _ = family(repository, mirror)
    assert found.problems == ()
    assert places(found) == {"one": ("apps/one", "flink"), "two": ("apps/two", "flink")}
    assert [one.line for one in found.objects] == [1, 9, 1]


def test_a_set_follows_the_directories_of_the_commit(repository: Repository, mirror: Mirror) -> None:
    text = SET.replace("ORIGIN", repository.url).replace("GENERATOR", "directories: [{path: apps/*}]")
    text = text.replace('{{ .team | default "flink" }}', "flink")
    repository.commit({"root/set.yaml": text, "apps/one/a.yaml": config_map("a"), "apps/.x/a.yaml": config_map("a")})
    found, _ = family(repository, mirror)
    assert places(found) == {"one": ("apps/one", "flink")}
    head = repository.commit({"apps/two/a.yaml": config_map("a"), "apps/one/a.yaml": None})
    found, lookups = family(repository, mirror)
    assert places(found) == {"two": ("apps/two", "flink")}
    assert lookups.seen == {(repository.url, "main"): head}


def test_a_set_takes_parameters_from_files(repository: Repository, mirror: Mirror) -> None:
    text = SET.replace("ORIGIN", repository.url).replace("GENERATOR", 'files: [{path: "apps/*/app.json"}]')
    repository.commit(
        {"root/set.yaml": text, "apps/one/app.json": '{"team": "orders"}', "apps/two/app.json": '{"team": ""}'}
    )
    found, _ = family(repository, mirror)
    assert places(found) == {"one": ("apps/one", "orders"), "two": ("apps/two", "flink")}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"team": ', "apps/one/app.json is not YAML or JSON"),
        (b"\xff\xfe\xfa", "apps/one/app.json is not UTF-8 text"),
        (b"[1, 2]", "apps/one/app.json must hold a map or a list of maps"),
        (b"{}", "there is no entry 'team'"),
        (b"#" * (LARGEST_FILE + 1), "more than the"),
    ],
    ids=["syntax", "bytes", "shape", "missing", "large"],
)
def test_a_bad_file_refuses_the_set_and_leaves_its_children(
    repository: Repository, mirror: Mirror, content: bytes, told: str
) -> None:
    text = SET.replace("ORIGIN", repository.url).replace("GENERATOR", 'files: [{path: "apps/*/app.json"}]')
    repository.commit({"root/set.yaml": text, "apps/one/app.json": content})
    found, _ = family(repository, mirror)
    (problem,) = found.problems
    assert told in problem.message
    assert problem.file == "root/set.yaml"
    live = {"kind": "SyncApp", "metadata": {"name": "one", "annotations": {"gitsync.io/application-set": "all"}}}
    assert "is not followed now" in found.why_not_pruned(live, allow_empty=False)[0]


def test_a_repository_that_is_not_allowed_is_named(repository: Repository, mirror: Mirror) -> None:
    text = SET.replace("ORIGIN", "https://evil.example.com/r.git").replace("GENERATOR", "directories: [{path: '*'}]")
    repository.commit({"root/set.yaml": text})
    found, _ = family(repository, mirror)
    assert "https://evil.example.com/r.git is not allowed" in found.problems[0].message


def test_links_are_no_files_of_parameters(repository: Repository, mirror: Mirror) -> None:
    text = SET.replace("ORIGIN", repository.url).replace("GENERATOR", 'files: [{path: "apps/*/app.json"}]')
    repository.link("apps/one/app.json", "/etc/passwd")
    repository.commit({"root/set.yaml": text})
    found, _ = family(repository, mirror)
    assert (places(found), found.problems) == ({}, ())


def test_answers_of_a_commit_are_compared_with_those_of_another(repository: Repository, mirror: Mirror) -> None:
    text = SET.replace("ORIGIN", repository.url).replace("GENERATOR", 'files: [{path: "apps/*/app.json"}]')
    repository.commit({"root/set.yaml": text, "apps/one/app.json": '{"team": "a"}', "apps/one/a.yaml": config_map("a")})
    found, lookups = family(repository, mirror)
    assert found.problems == ()

    def find(url: str, revision: str) -> tuple[Mirror, Revision]:
        return mirror, mirror.resolve(revision)

    assert lookups.is_same_with(find)
    repository.commit({"apps/one/a.yaml": config_map("b")})
    assert lookups.is_same_with(find), "a file nobody asked for"
    repository.commit({"apps/one/app.json": '{"team": "b"}'})
    assert not lookups.is_same_with(find), "a file of parameters"
    repository.commit({"apps/one/app.json": '{"team": "a"}'})
    assert lookups.is_same_with(find)
    repository.commit({"apps/two/app.json": '{"team": "a"}'})
    assert not lookups.is_same_with(find), "another file"
