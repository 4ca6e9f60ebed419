"""Kustomize directories of real commits, built by a real Kustomize (the one in the control plane's kubectl)."""

from pathlib import Path

import kubectls
import pytest
from git_repositories import Repository, config_map
from overlays import OVERLAY, problem, render

from gitsync.git import mirrors
from gitsync.render import kustomizing, memos, plain, rendering
from gitsync.render.kustomize import Kustomize
from gitsync.render.rendering import Source


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kubectls.kubectl(tmp_path_factory.mktemp("bin"))


@pytest.fixture
def builder(kubectl: Path, tmp_path: Path) -> Kustomize:
    (tmp_path / "scratch").mkdir()
    return Kustomize(kubectl, path="", scratch=tmp_path / "scratch")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> mirrors.Mirror:
    return mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)


def test_an_overlay_is_built_with_everything_it_refers_to(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize, tmp_path: Path
) -> None:
    repository.commit(OVERLAY)
    rendered = render(mirror, builder)
    assert rendered.ok, rendered.errors
    found = {item.body["metadata"]["name"]: item for item in rendered.objects}
    generated = next(name for name in found if name.startswith("prod-files-"))
    assert set(found) == {"prod-web", "prod-side", generated}
    assert found["prod-web"].body["data"] == {"x": 1, "y": 2}
    assert found["prod-side"].body["data"] == {"on": "no"}
    assert found[generated].body["data"] == {"A": "1", "greeting": "hello\n"}
    assert {item.body["metadata"]["namespace"] for item in rendered.objects} == {"shop"}
    places = {name: (item.file, item.line) for name, item in found.items()}
    assert places == {
        "prod-web": ("apps/base/web.yaml", 1),
        "prod-side": ("apps/base/more/side.yaml", 3),
        generated: ("apps/prod/Kustomization", 1),
    }
    assert list((tmp_path / "scratch").iterdir()) == [], "the export is gone"


def test_the_files_that_were_read_are_the_inputs(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize
) -> None:
    repository.commit(OVERLAY)
    rendered = render(mirror, builder)
    assert {item.path for item in rendered.inputs if item.blob} == set(OVERLAY) - {"apps/prod/README.md"}
    for path, counts in {
        "apps/prod/README.md": False,
        "other/a.yaml": False,
        "apps/base/more/side.yaml": True,
        "apps/prod/text/hello.txt": True,
        "apps/base/kustomization.yml": True,
    }.items():
        assert rendered.touched_by([path]) is counts, path


def test_a_commit_that_changes_nothing_it_reads_runs_nothing(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(OVERLAY)
    first = render(mirror, builder)
    monkeypatch.setattr(builder, "build", None)
    monkeypatch.setattr(kustomizing, "_built", memos.Memo(1_000_000, plain.weight))
    sha = repository.commit({"apps/prod/README.md": "still not read", "elsewhere.yaml": "a: b"})
    second = render(mirror, builder, previous=first)
    assert (second.revision.sha, second.objects) == (sha, first.objects)
    monkeypatch.undo()
    repository.commit({"apps/base/web.yaml": config_map("web", z="3")})
    third = render(mirror, builder, previous=second)
    assert third.content_key != first.content_key
    repository.commit({"apps/base/web.yaml": OVERLAY["apps/base/web.yaml"]})
    monkeypatch.setattr(builder, "build", None)
    assert [item.body for item in render(mirror, builder).objects] == [item.body for item in first.objects]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"apps/prod/kustomization.yaml": "resources:\n- https://github.com/o/r//base?ref=v1\n"},
            "apps/prod/kustomization.yaml:2:3: 'https://github.com/o/r//base?ref=v1' is not in this repository: "
            "remote bases and files are refused",
        ),
        (
            {
                "apps/prod/kustomization.yaml": "resources: [github.com/x/y]\n",
                "apps/prod/github.com/x/y/kustomization.yaml": "{}",
            },
            "remote bases and files are refused",
        ),
        (
            {"apps/prod/kustomization.yaml": "configurations:\n- http://example.org/a.yaml\n"},
            "apps/prod/kustomization.yaml:2:3: 'http://example.org/a.yaml' is not in this repository",
        ),
        (
            {"apps/prod/kustomization.yaml": "\nresources: [gone.yaml]\n"},
            "apps/prod/kustomization.yaml:2:13: 'gone.yaml' cannot be read: there is no apps/prod/gone.yaml",
        ),
        (
            {"apps/prod/kustomization.yaml": "configMapGenerator:\n- name: a\n  files:\n  - k=gone.txt\n"},
            "apps/prod/kustomization.yaml:4:5: 'gone.txt' cannot be read: there is no apps/prod/gone.txt",
        ),
        (
            {"apps/prod/kustomization.yaml": "resources: [../x.yaml]\n", "apps/x.yaml": config_map("x")},
            "'../x.yaml' is a file outside of the kustomization's own directory",
        ),
        (
            {"apps/prod/kustomization.yaml": "resources: [../../../x.yaml]\n"},
            "'../../../x.yaml' leads out of the repository",
        ),
        ({"apps/prod/kustomization.yaml": "resources: [/etc/hosts]\n"}, "'/etc/hosts' leads out of the repository"),
        (
            {"apps/prod/kustomization.yaml": "resources: [../base]\n", "apps/base/a.yaml": config_map("a")},
            "'../base' is a directory without a kustomization.yaml",
        ),
        (
            {"apps/prod/kustomization.yaml": "{}", "apps/prod/Kustomization": "{}"},
            "the directory has kustomization.yaml and Kustomization: keep one of them",
        ),
        ({"apps/prod/kustomization.yaml": "resources: [\n"}, "apps/prod/kustomization.yaml:2"),
        (
            {"apps/prod/kustomization.yaml": "helmCharts:\n- name: a\n  repo: https://x.example\n"},
            "apps/prod/kustomization.yaml:1:1: helmCharts: Helm charts are not inflated",
        ),
        (
            {
                "apps/prod/kustomization.yaml": "resources: [../base]\n",
                "apps/base/kustomization.yaml": "resources: [a.yaml]\n",
                "apps/base/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n",
            },
            "apps/base/a.yaml:2: accumulating resources from 'a.yaml': MalformedYAMLError",
        ),
        (
            {"apps/prod/kustomization.yaml": "resources: []\nfoo: 1\n"},
            'apps/prod/kustomization.yaml: invalid Kustomization: json: unknown field "foo"',
        ),
        (
            {
                "apps/prod/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
                "apps/prod/a.yaml": config_map("a"),
                "apps/prod/p.yaml": config_map("other"),
            },
            "no resource matches strategic merge patch",
        ),
        (
            {
                "apps/prod/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n",
                "apps/prod/a.yaml": config_map("a"),
                "apps/prod/t.yaml": (
                    "apiVersion: example.org/v1\nkind: Danger\nmetadata:\n  name: d\n  annotations:\n"
                    "    config.kubernetes.io/function: 'exec: {path: /bin/true}'\n"
                ),
            },
            "external plugins disabled",
        ),
    ],
)
def test_what_is_wrong_is_said_once_with_its_place(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize, files: dict[str, str], expected: str
) -> None:
    repository.commit(files)
    found = problem(mirror, builder)
    assert expected in found
    assert "/tmp" not in found
    assert "error:" not in found


def test_a_missing_file_is_an_input_so_that_adding_it_mends_the_app(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize
) -> None:
    repository.commit({"apps/prod/kustomization.yaml": "resources: [a.yaml]\n"})
    broken = render(mirror, builder)
    assert not broken.ok
    repository.commit({"apps/prod/a.yaml": config_map("a")})
    assert render(mirror, builder, previous=broken).ok


def test_builtin_transformers_bring_their_own_files(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize
) -> None:
    repository.commit(
        {
            "apps/prod/kustomization.yaml": "resources: [a.yaml]\ngenerators: [g.yaml]\ntransformers: [t.yaml]\n",
            "apps/prod/a.yaml": config_map("a", x="y"),
            "apps/prod/g.yaml": (
                "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nname: made\nfiles: [f.txt]\n"
            ),
            "apps/prod/f.txt": "text",
            "apps/prod/t.yaml": (
                "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\n"
                "target: {name: a}\npath: patch.yaml\n"
            ),
            "apps/prod/patch.yaml": "- {op: add, path: /data/k, value: v}\n",
        }
    )
    rendered = render(mirror, builder)
    assert rendered.ok, rendered.errors
    assert [one.body["data"] for one in rendered.objects] == [{"x": "y", "k": "v"}, {"f.txt": "text"}]
    assert {item.path for item in rendered.inputs if item.blob} >= {"apps/prod/f.txt", "apps/prod/patch.yaml"}


def test_links_are_followed_inside_the_commit_only(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize
) -> None:
    repository.link("apps/prod/a.yaml", "real/a.yaml")
    repository.link("apps/linked", "elsewhere/base")
    repository.commit(
        {
            "apps/prod/kustomization.yaml": "resources: [a.yaml, ../linked]\n",
            "apps/prod/real/a.yaml": config_map("a"),
            "apps/elsewhere/base/kustomization.yaml": "resources: [b.yaml]\n",
            "apps/elsewhere/base/b.yaml": config_map("b"),
        }
    )
    rendered = render(mirror, builder)
    assert rendered.ok, rendered.errors
    assert [one.body["metadata"]["name"] for one in rendered.objects] == ["a", "b"]
    repository.link("apps/prod/b.yaml", "/etc/passwd")
    repository.commit({"apps/prod/kustomization.yaml": "resources:\n- b.yaml\n"})
    assert problem(mirror, builder) == (
        "apps/prod/kustomization.yaml:2:3: 'b.yaml' is refused: its target is an absolute path"
    )


def test_patterns_ask_for_the_plain_files(repository: Repository, mirror: mirrors.Mirror, builder: Kustomize) -> None:
    repository.commit({"apps/prod/kustomization.yaml": "namePrefix: x-\n", "apps/prod/a.yaml": config_map("a")})
    source = Source("apps/prod", include="a.yaml")
    rendered = rendering.render(mirror, mirror.resolve("main"), source, builder=builder)
    assert [one.body["metadata"]["name"] for one in rendered.objects] == ["a"]


def test_a_chart_beside_a_kustomization_does_not_matter(
    repository: Repository, mirror: mirrors.Mirror, builder: Kustomize
) -> None:
    repository.commit(
        {
            "apps/prod/Chart.yaml": "name: c\n",
            "apps/prod/kustomization.yaml": "resources: [a.yaml]\n",
            "apps/prod/a.yaml": config_map("a"),
        }
    )
    assert render(mirror, builder).ok
