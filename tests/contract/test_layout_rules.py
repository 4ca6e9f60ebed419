"""Which tool reads a directory and which files count, rule by rule, each with a small repository.

The rules that other tests show are listed with them in `layout-rules.md`.
"""

from pathlib import Path

import pytest
from git_repositories import Repository, config_map

from gitsync.git import mirrors, trees
from gitsync.model import sources
from gitsync.model.rendersets import RenderSet
from gitsync.render import compositions, layouts, rendering
from gitsync.render.buildenvironment import AppContext
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object

KUSTOMIZATION = "resources: [a.yaml]\n"
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> mirrors.Mirror:
    return mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)


def place(mirror: mirrors.Mirror, **given: object) -> layouts.Place:
    source = sources.Source.model_validate({"repoURL": mirror.url, "path": "apps", **given})
    return layouts.Place(source, mirror, mirror.resolve("main"))


@pytest.mark.parametrize(
    ("files", "source", "tool"),
    [
        (["kustomization.yaml"], {}, "kustomize"),
        (["kustomization.yml"], {}, "kustomize"),
        (["Kustomization"], {}, "kustomize"),
        (["kustomization.json"], {}, "directory"),
        (["deep/kustomization.yaml"], {}, "directory"),
        (["Chart.yaml"], {}, "helm"),
        (["myChart.yaml"], {}, "helm"),
        (["Chart.yml"], {}, "directory"),
        (["deep/Chart.yaml"], {}, "directory"),
        (["Chart.yaml", "kustomization.yaml"], {}, "kustomize"),
        (["a.yaml"], {}, "directory"),
        (["Chart.yaml", "kustomization.yaml"], {"helm": {"releaseName": "x"}}, "helm"),
        (["Chart.yaml"], {"kustomize": {"namePrefix": "x-"}}, "kustomize"),
        (["Chart.yaml", "kustomization.yaml"], {"directory": {"include": "*"}}, "directory"),
        (["Chart.yaml"], {"directory": {"exclude": "x"}}, "directory"),
        (["kustomization.yaml"], {"directory": {"recurse": True}}, "directory"),
        (["Chart.yaml"], {"directory": {"recurse": True}}, "directory"),
        (["kustomization.yaml"], {"directory": {}}, "kustomize"),
        (["Chart.yaml"], {"directory": {"recurse": False, "jsonnet": {}}}, "helm"),
        (["kustomization.yaml"], {"directory": {"recurse": True, "detect": True}}, "kustomize"),
        (["Chart.yaml"], {"directory": {"recurse": True, "detect": True}}, "helm"),
        (["a.yaml"], {"directory": {"recurse": True, "detect": True}}, "directory"),
        (["Chart.yaml"], {"directory": {"include": "*", "detect": True}}, "directory"),
        (["kustomization.yaml"], {"helm": {"valueFiles": [], "skipCrds": False}}, "kustomize"),
    ],
)
def test_what_a_source_says_wins_then_the_top_of_the_directory(
    repository: Repository, mirror: mirrors.Mirror, files: list[str], source: Object, tool: str
) -> None:
    repository.commit({f"apps/{name}": "a: b\n" for name in files})
    one = place(mirror, **source)
    assert layouts.tool_of(trees.listing(mirror, one.revision.sha), "apps", one.source) == tool


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"a.yaml": "a", "b.yml": "b", "c.yaml.bak": "c", "d.YAML": "d", "e.txt": "e"}, ["a", "b"]),
        ({"a.yaml": "a", ".argocd-source.yaml/b.yaml": "b"}, ["a"]),
        ({".hidden.yaml": "hidden", "a.yaml": "a"}, ["hidden", "a"]),
        ({"sub.yaml/a.yaml": "a", "b.yaml": "b"}, ["b"]),
    ],
)
def test_files_by_their_names(
    repository: Repository, mirror: mirrors.Mirror, files: dict[str, str], names: list[str]
) -> None:
    repository.commit({f"apps/{path}": config_map(name) for path, name in files.items()})
    rendered = rendering.render_source(place(mirror))
    assert [one.body["metadata"]["name"] for one in rendered.objects] == names
    assert rendered.errors == ()


def test_what_stands_beside_the_manifests_may_choose_how_they_are_read(
    repository: Repository, mirror: mirrors.Mirror
) -> None:
    options = "{directory: {include: 'b*'}, path: /etc, repoURL: 'https://elsewhere', targetRevision: other}"
    files = {"a.yaml": config_map("a"), "b.yaml": config_map("b"), "Chart.yaml": CHART}
    repository.commit({f"apps/{path}": text for path, text in files.items()} | {"apps/.argocd-source.yaml": options})
    rendered = rendering.render_source(place(mirror), AppContext("web"))
    assert [one.file for one in rendered.objects] == ["apps/b.yaml"]
    own = "directory: {include: 'a*'}"
    repository.commit({"apps/.argocd-source-web.yaml": own})
    rendered = rendering.render_source(place(mirror), AppContext("web"))
    assert [one.file for one in rendered.objects] == ["apps/a.yaml"], "the app's own file wins"
    assert [one.file for one in rendering.render_source(place(mirror), AppContext("other")).objects] == ["apps/b.yaml"]


def test_places_in_another_repository_carry_its_name(
    repository: Repository, mirror: mirrors.Mirror, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "platform")
    repository.commit({"apps/a.yaml": config_map("a", x="1")})
    other.commit({"apps/a.yaml": config_map("a", x="2"), "apps/b.yaml": config_map("b")})
    there = mirrors.Mirrors(tmp_path / "others").get(other.url)

    def made() -> RenderSet:
        places = [place(mirror), place(there)]
        parts = compositions.check([one.source for one in places])
        app = AppContext("web", destination="flink")
        found = compositions.prepare(places, parts, app, None)
        results = {number: one for number, one in found.items() if isinstance(one, RenderSet)}
        return compositions.joined(places, parts, results, app).whole

    whole = made()
    assert [one.file for one in whole.objects] == ["origin//apps/a.yaml", "origin//apps/b.yaml"]
    assert whole.warnings == (
        "ConfigMap flink/a is given twice, in apps/a.yaml:1 and origin//apps/a.yaml:1; the last one counts",
    )
    other.commit({"apps/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"})
    assert [str(one) for one in made().errors] == ["origin//apps/b.yaml:1: ConfigMap: 'metadata.name' is missing"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("app", "there is no directory 'app'"),
        ("apps-link", "is a symbolic link in"),
        ("apps/a.yaml", "is a file in"),
        ("apps/../apps", r"must not contain '\.\.'"),
        ("/apps", "must be relative"),
        ("", None),
        ("./apps/", None),
        ("apps//", None),
    ],
)
def test_a_path_is_a_directory_of_the_commit(
    repository: Repository, mirror: mirrors.Mirror, path: str, told: str | None
) -> None:
    repository.link("apps-link", "apps")
    repository.commit({"apps/a.yaml": config_map("a"), "apps-of-others/b.yaml": config_map("b")})
    if told is None:
        assert rendering.render_source(place(mirror, path=path)).errors == ()
    else:
        with pytest.raises(Stalled, match=told):
            rendering.render_source(place(mirror, path=path))
