"""Directories of real commits, rendered as Argo CD's directory type would."""

from pathlib import Path

import pytest
from git_repositories import Repository, config_map

from gitsync.git import mirrors, trees
from gitsync.model.rendersets import RenderSet
from gitsync.render import rendering
from gitsync.render.rendering import Source
from operator_core.errors import Reason, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> mirrors.Mirror:
    return mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)


def render(mirror: mirrors.Mirror, previous: RenderSet | None = None, **source: object) -> RenderSet:
    return rendering.render(mirror, mirror.resolve("main"), Source(**{"path": "apps", **source}), previous=previous)  # type: ignore[arg-type]


def names(rendered: RenderSet) -> list[str]:
    assert rendered.ok, rendered.errors
    return [item.body["metadata"]["name"] for item in rendered.objects]


def messages(rendered: RenderSet) -> list[str]:
    assert not rendered.objects, "nothing of a broken directory may be applied"
    return [str(error) for error in rendered.errors]


def test_only_the_top_directory_is_read_unless_told(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit(
        {
            "apps/b.yaml": config_map("b"),
            "apps/a.yml": config_map("a"),
            "apps/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
            "apps/readme.md": "kind: nothing",
            "apps/deep/d.yaml": config_map("d"),
            "apps/.hidden/e.yaml": config_map("e"),
            "other/f.yaml": config_map("f"),
        }
    )
    assert names(render(mirror)) == ["a", "b", "c"]
    assert names(render(mirror, recurse=True)) == ["e", "a", "b", "c", "d"]
    assert names(render(mirror, path=".")) == []
    assert names(render(mirror, path="./other/")) == ["f"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": "*.yaml"}, ["one", "three", "two"]),
        ({"include": "{one,sub/two}.yaml"}, ["one", "two"]),
        ({"exclude": "sub/*"}, ["one", "four"]),
        ({"exclude": "*two*", "include": "*o*.yaml"}, ["one"]),
        ({"include": "sub/t??.yaml"}, ["two"]),
        ({"include": "[of]*"}, ["one", "four"]),
    ],
)
def test_patterns_cross_directories_and_exclude_wins(
    repository: Repository, mirror: mirrors.Mirror, options: dict[str, str], expected: list[str]
) -> None:
    repository.commit(
        {
            "apps/one.yaml": config_map("one"),
            "apps/sub/two.yaml": config_map("two"),
            "apps/sub/deep/three.yaml": config_map("three"),
            "apps/zfour.yml": config_map("four"),
        }
    )
    if options.get("include") == "[of]*":
        options = {"include": "[oz]*"}
    assert names(render(mirror, recurse=True, **options)) == expected


def test_an_object_knows_its_file_and_line(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/all.yaml": f"# two\n---\n{config_map('a')}---\n# none\n---\n{config_map('b')}"})
    assert [(item.file, item.line) for item in render(mirror).objects] == [("apps/all.yaml", 3), ("apps/all.yaml", 10)]


def test_every_problem_of_every_file_is_told_and_nothing_is_rendered(
    repository: Repository, mirror: mirrors.Mirror
) -> None:
    repository.commit(
        {
            "apps/good.yaml": config_map("good"),
            "apps/syntax.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [a\n",
            "apps/nokind.yaml": "apiVersion: v1\nmetadata:\n  name: a\n",
            "apps/noname.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            "apps/label.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    on: y\n",
            "apps/second.yaml": f"{config_map('x')}---\nfoo: bar\n",
            "apps/two.json": '{"apiVersion": "v1", "kind": "A", "metadata": {"name": "x"}} {"a": 1}',
            "apps/lfs.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
            "apps/latin.yaml": config_map("x").encode() + b"# \xe9\n",
            "apps/code.jsonnet": "{}",
        }
    )
    assert messages(render(mirror)) == [
        "apps/code.jsonnet: Jsonnet is not evaluated: render it before committing, or exclude the file",
        "apps/label.yaml:1: ConfigMap a: the value of 'metadata.labels.true' must be text: quote it",
        "apps/latin.yaml:5: not UTF-8 text (byte 53)",
        "apps/lfs.yaml:1: this is a Git LFS pointer and not the file it stands for: store manifests without LFS",
        "apps/nokind.yaml:1: 'kind' is missing",
        "apps/noname.yaml:1: ConfigMap: 'metadata.name' is missing",
        "apps/second.yaml:6: this document is no Kubernetes object: 'kind' is missing",
        "apps/syntax.yaml:5:1: did not find expected ',' or ']' (while parsing a flow sequence that starts at line 4)",
        "apps/two.json:1:1: a .json file must hold exactly one object",
    ]


def test_yaml_of_others_is_left_out_with_a_word(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit(
        {
            "apps/a.yaml": config_map("a"),
            "apps/template.yaml": "{{ if .Values.x }}\nfoo: {{ .Values.y }}\n{{ end }}\n",
            "apps/values.yaml": "replicas: 3\n",
            "apps/skipped.yaml": "# +argocd:skip-file-rendering\napiVersion: [\n",
            "apps/.argocd-source.yaml": "helm: {}\n",
            "apps/empty.yaml": "# nothing\n---\n",
        }
    )
    rendered = render(mirror)
    assert names(rendered) == ["a"]
    assert [warning.partition(":")[0] for warning in rendered.warnings] == ["apps/template.yaml", "apps/values.yaml"]


def test_lists_are_flattened(repository: Repository, mirror: mirrors.Mirror) -> None:
    item = "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: "
    repository.commit(
        {
            "apps/list.yaml": f"apiVersion: v1\nkind: List\nitems:\n{item}a\n{item}b\n",
            "apps/maps.yaml": "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata:\n    name: c\n",
            "apps/null.yaml": "apiVersion: v1\nkind: ConfigMapList\nmetadata: {}\nitems: null\n",
        }
    )
    rendered = render(mirror)
    assert names(rendered) == ["a", "b", "c"]
    assert rendered.objects[2].body == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


def test_of_duplicates_the_last_counts_with_a_warning(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/a.yaml": config_map("same", x="1"), "apps/b.yaml": config_map("same", x="2")})
    rendered = render(mirror)
    assert [item.body["data"] for item in rendered.objects] == [{"x": 2}]
    assert rendered.warnings == (
        "ConfigMap same is given twice, in apps/a.yaml:1 and apps/b.yaml:1; the last one counts",
    )


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/etc/passwd", "its target is an absolute path"),
        ("../../outside.yaml", "it leads out of the repository"),
        ("../.git/config", "it leads into .git"),
        ("loop.yaml", "it leads in a circle"),
        ("../two/hops.yaml", "it leads out of the repository"),
    ],
)
def test_links_out_of_the_repository_are_refused(
    repository: Repository, mirror: mirrors.Mirror, target: str, problem: str
) -> None:
    repository.link("apps/loop.yaml", target)
    repository.link("two/hops.yaml", "../../../secret.yaml")
    repository.commit({"apps/good.yaml": config_map("good")})
    assert messages(render(mirror)) == [f"apps/loop.yaml: this symbolic link is refused: {problem}"]


def test_links_inside_the_repository_are_inputs_with_their_targets(
    repository: Repository, mirror: mirrors.Mirror
) -> None:
    repository.link("apps/linked.yaml", "../dirlink/real.yaml")
    repository.link("dirlink", "shared")
    repository.link("apps/missing.yaml", "../shared/later.yaml")
    repository.link("apps/dir.yaml", "../shared")
    repository.commit({"shared/real.yaml": config_map("real")})
    before = render(mirror)
    assert names(before) == ["real"]
    assert [warning.partition(" (")[0] for warning in before.warnings] == [
        "apps/dir.yaml: left out: its target is a directory",
        "apps/missing.yaml: left out: its target does not exist",
    ]
    repository.commit({"shared/later.yaml": config_map("later")})
    assert names(render(mirror, before)) == ["real", "later"]
    repository.commit({"shared/real.yaml": config_map("changed")})
    assert names(render(mirror, before)) == ["changed", "later"]


def test_an_unrelated_commit_changes_nothing_and_costs_no_read(
    repository: Repository, mirror: mirrors.Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"apps/a.yaml": config_map("a"), "other/b.yaml": config_map("b")})
    before = render(mirror)
    sha = repository.commit({"other/b.yaml": config_map("c")})
    monkeypatch.setattr(trees, "listing", None)
    after = render(mirror, before)
    assert after.revision.sha == sha
    assert after.objects is before.objects
    assert after.content_key == before.content_key
    monkeypatch.undo()
    repository.commit({"apps/README.md": "not an input"})
    assert render(mirror, after).objects is before.objects
    repository.commit({"apps/new.yaml": config_map("new")})
    changed = render(mirror, after)
    assert names(changed) == ["a", "new"]
    assert changed.content_key != before.content_key
    assert render(mirror, changed, exclude="new*").content_key != changed.content_key


def test_rendered_objects_are_the_callers_own(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/a.yaml": config_map("a")})
    render(mirror).objects[0].body["metadata"]["name"] = "changed by a reader"
    assert names(render(mirror)) == ["a"]


def test_a_missing_directory_is_named_with_near_ones(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/orders/a.yaml": config_map("a")})
    with pytest.raises(Stalled, match=r"there is no directory 'aps/orders' in .* did you mean apps/orders\?") as caught:
        render(mirror, path="aps/orders")
    assert caught.value.reason is Reason.PathNotFound
    with pytest.raises(Stalled, match="is a file in"):
        render(mirror, path="apps/orders/a.yaml")
    for path in ("../x", "/etc", "a/../../b", "a\nb"):
        with pytest.raises(Stalled, match="must"):
            render(mirror, path=path)


def test_a_chart_needs_helm_unless_patterns_ask_for_files(
    repository: Repository, mirror: mirrors.Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit({"apps/Chart.yaml": "name: web\nversion: 1.0.0\n", "apps/a.yaml": config_map("a")})
    monkeypatch.setenv("GITSYNC_HELM", str(tmp_path / "no-helm"))
    with pytest.raises(Stalled) as raised:
        render(mirror)
    assert raised.value.reason is Reason.HelmUnavailable
    assert "apps is a Helm chart" in raised.value.message and "GITSYNC_HELM" in raised.value.message
    assert [item.body["metadata"]["name"] for item in render(mirror, include="a.yaml").objects] == ["a"]


def test_what_one_path_may_hold_is_bounded(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/a.yaml": config_map("a") + "# " + "x" * rendering.LARGEST_APP})
    assert "more than the 10485760 that are read" in messages(render(mirror))[0]
    bomb = "apiVersion: v1\nkind: Bomb\nmetadata: {name: b}\na: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    repository.commit({"apps/a.yaml": bomb})
    assert "expands to more than 500000 values" in messages(render(mirror))[0]


def test_names_that_are_not_utf_8_are_shown(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({"apps/a.yaml": config_map("a")}, push=False)
    (repository.work / "apps").joinpath("b\udce9.yaml").write_text(config_map("b"))
    repository.commit({})
    rendered = render(mirror)
    assert [item.file for item in rendered.objects] == ["apps/a.yaml", "apps/b\\xe9.yaml"]


def test_the_second_app_of_a_commit_brings_all_small_files_at_once(
    repository: Repository, mirror: mirrors.Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({f"apps/{number}/a.yaml": config_map(f"prefetched-{number}") for number in range(20)})
    revision = mirror.resolve("main")
    started: list[tuple[str, ...]] = []
    local = mirrors.Mirror.local

    def counted(self: mirrors.Mirror, *arguments: str, stdin: bytes | None = None, quiet: bool = False) -> bytes:
        started.append(arguments)
        return local(self, *arguments, stdin=stdin, quiet=quiet)

    monkeypatch.setattr(mirrors.Mirror, "local", counted)
    for number in range(20):
        assert rendering.render(mirror, revision, Source(f"apps/{number}")).ok
    assert len([one for one in started if one[0] == "cat-file"]) == 2
    assert len(started) == 3
    assert trees.listing(mirror, revision.sha).has_directory("apps")
