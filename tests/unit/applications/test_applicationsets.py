"""What generators generate and templates make of it: rules of Argo CD's ApplicationSet."""

from typing import Any

import pytest

from gitsync.render import applicationsets, parametersets, pathpatterns
from gitsync.render.applications import Refused
from gitsync.render.applicationsets import Generated

FILES = {
    "apps/orders/config.json": '{"cluster": {"name": "one", "size": 3, "big": 1500000}, "on": true}',
    "apps/Click_Stream/config.json": "[{cluster: {name: two}}, {cluster: {name: three}}]",
    "apps/empty/config.json": "",
    "config.json": '{"cluster": {"name": "root"}}',
}


class Tree:
    """A repository as generators see it."""

    def directories(self) -> list[str]:
        return ["apps", "apps/orders", "apps/Click_Stream", "apps/orders/deep", ".hidden", "apps/.git2", "apps/empty"]

    def files(self) -> list[str]:
        return [*FILES, "README.md"]

    def read(self, path: str) -> str:
        return FILES[path]


def look(url: str, revision: str) -> Tree:
    if url != "https://example.com/r.git":
        raise parametersets.Refusal("repoURL", f"{url} is not allowed")
    return Tree()


def body(generator: dict[str, Any] | list[dict[str, Any]], name: str, **spec: Any) -> dict[str, Any]:
    source = {"repoURL": "https://example.com/r.git", "path": spec.pop("path", "x")}
    template = {"metadata": {"name": name}, "spec": {"source": source, "destination": {"namespace": "flink"}}}
    listed = generator if isinstance(generator, list) else [generator]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "all"},
        "spec": {"generators": listed, "template": template, **spec},
    }


def expand(given: dict[str, Any]) -> Generated:
    answer = applicationsets.expand(given, "gitsync-system", look)
    assert isinstance(answer, Generated), answer.message
    return answer


def names(given: dict[str, Any]) -> list[str]:
    return [child.name for child in expand(given).children]


def refusal(given: dict[str, Any]) -> str:
    answer = applicationsets.expand(given, "gitsync-system", look)
    assert isinstance(answer, Refused), answer
    return answer.message


def git(**given: Any) -> dict[str, Any]:
    return {"git": {"repoURL": "https://example.com/r.git", "revision": "HEAD", **given}}


GO = {"goTemplate": True, "goTemplateOptions": ["missingkey=error"]}


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ([{"path": "apps/*"}], ["apps/Click_Stream", "apps/empty", "apps/orders"]),
        ([{"path": "*"}], ["apps"]),
        ([{"path": "apps/*/*"}], ["apps/orders/deep"]),
        ([{"path": "apps/orders", "exclude": True}, {"path": "apps/*"}], ["apps/Click_Stream", "apps/empty"]),
        ([{"path": "apps/[oe]*"}], ["apps/empty", "apps/orders"]),
        ([{"path": "apps/[^oe]*"}], ["apps/Click_Stream"]),
        ([{"path": "apps/?rders"}], ["apps/orders"]),
        ([{"path": ".hidden"}], []),
    ],
    ids=str,
)
def test_git_directories_are_matched_as_gos_path_match(patterns: list[dict[str, Any]], found: list[str]) -> None:
    given = body(git(directories=patterns), "{{path.basenameNormalized}}", path="{{path}}")
    assert [child.body["spec"]["source"]["path"] for child in expand(given).children] == found


def test_directory_parameters_with_go_templates() -> None:
    name = "{{.path.basenameNormalized}}-{{index .path.segments 0}}-{{.path.basename | lower | replace `_` `.`}}"
    assert names(body(git(directories=[{"path": "apps/C*"}]), name, **GO)) == ["click-stream-apps-click.stream"]


def test_directory_parameters_without_go_templates() -> None:
    name = "{{path.basename}}.{{ path[0] }}.{{path.basenameNormalized}}.{{unknown}}"
    assert names(body(git(directories=[{"path": "apps/C*"}]), name)) == ["Click_Stream.apps.click-stream.{{unknown}}"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("apps/*/config.json", ["two", "three", "one"]),
        ("**/config.json", ["two", "three", "one"]),
        ("*config.json", ["two", "three", "one", "root"]),
        ("config.json", ["root"]),
    ],
)
def test_git_files_are_matched_as_git_ls_files_does(pattern: str, found: list[str]) -> None:
    generator = git(files=[{"path": pattern}, {"path": "apps/empty/*", "exclude": True}])
    assert names(body(generator, "{{cluster.name}}")) == found


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("{{cluster.name}}-{{cluster.size}}-{{on}}-{{path.filename}}", {}, "one-3-true-config.json"),
        (
            "{{.cluster.name}}-{{.cluster.size}}-{{.cluster.big}}-{{.path.filenameNormalized}}",
            GO,
            "one-3-1.5e+06-config.json",
        ),
        ("{{.a.path.path}}", {**GO, "prefix": "a"}, "apps/orders"),
        ("{{a.path.basename}}", {"prefix": "a"}, "orders"),
    ],
)
def test_file_parameters(name: str, options: dict[str, Any], expected: str) -> None:
    given = dict(options)
    prefix = given.pop("prefix", "")
    generator = git(files=[{"path": "apps/orders/config.json"}], **({"pathParamPrefix": prefix} if prefix else {}))
    assert names(body(generator, name, **given)) == [expected]


def test_an_empty_file_is_one_empty_set() -> None:
    assert names(body(git(files=[{"path": "apps/empty/config.json"}]), "{{path.basename}}")) == ["empty"]


def test_values_of_a_git_generator_are_filled_in() -> None:
    generator = git(directories=[{"path": "apps/o*"}], values={"team": "t-{{path.basename}}"})
    assert names(body(generator, "{{values.team}}")) == ["t-orders"]


def test_list_elements() -> None:
    assert names(
        body({"list": {"elements": [{"n": "a"}, {"n": "b", "values": {"x": "y"}}]}}, "{{n}}-{{values.x}}")
    ) == [
        "a-{{values.x}}",
        "b-y",
    ]
    assert names(body({"list": {"elementsYaml": "- {app: {id: a}}\n- {app: {id: b}}"}}, "{{.app.id}}", **GO)) == [
        "a",
        "b",
    ]


def test_matrix_is_every_pair_and_the_second_sees_the_first() -> None:
    generator = {
        "matrix": {
            "generators": [
                {"list": {"elements": [{"app": "orders"}, {"app": "empty"}]}},
                git(directories=[{"path": "apps/{{app}}"}]),
            ]
        }
    }
    assert names(body(generator, "{{app}}-{{path.basename}}")) == ["orders-orders", "empty-empty"]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/[^b]", "a/c", True),
        ("a/[^b]", "a/b", False),
        ("a/[!b]", "a/!", True),
        ("a/[!b]", "a/c", False),
        ("a/\\*", "a/*", True),
        ("a/\\*", "a/b", False),
        ("a/[z-a]", "a/b", False),
        ("a/{b,c}", "a/b", False),
        ("*a" * 30 + "b", "a" * 200, False),
    ],
)
def test_gos_path_match(pattern: str, path: str, fits: bool) -> None:
    assert pathpatterns.path_matches(pattern, path) is fits


def test_two_git_generators_of_a_matrix_need_a_prefix() -> None:
    generator = {"matrix": {"generators": [git(directories=[{"path": "apps/*"}]), git(directories=[{"path": "*"}])]}}
    assert "gives the parameter" in refusal(body(generator, "{{path}}"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (body({"clusters": {}}, "x"), "spec.generators[0].clusters is a generator that is not supported"),
        (body({"plugin": {"configMapRef": {}}}, "x"), "spec.generators[0].plugin is a generator"),
        (body({"merge": {}}, "x"), "spec.generators[0].merge is a generator"),
        (body({"pullRequest": {}}, "x"), "spec.generators[0].pullRequest"),
        (body([{"list": {"elements": []}}, {"scmProvider": {}}], "x"), "spec.generators[1].scmProvider"),
        (body({"list": {"elements": []}, "selector": {"matchLabels": {"a": "b"}}}, "x"), "spec.generators[0].selector"),
        (body({"list": {"elements": [{"a": 1}]}}, "x"), "elements[0].a must be text, or set goTemplate: true"),
        (body(git(directories=[{"path": "*"}], files=[{"path": "*"}]), "x"), "either directories or files"),
        (body({"git": {"repoURL": "https://other.org/r", "directories": [{"path": "*"}]}}, "x"), "is not allowed"),
        (
            body(git(directories=[{"path": "*"}]), "x", strategy={"type": "RollingSync"}),
            "spec.strategy is not supported",
        ),
        (body(git(directories=[{"path": "apps/*"}]), "same"), "gives two Applications the name 'same'"),
        (body(git(directories=[{"path": "*"}]), "{{.nope}}", **GO), "there is no entry 'nope'"),
        (body(git(directories=[{"path": "*"}]), "{{slugify .path.path}}", **GO), "the template function 'slugify'"),
        (
            body(git(directories=[{"path": "*"}]), "x", goTemplate=True, goTemplateOptions=["other"]),
            "goTemplateOptions",
        ),
        (
            body({"list": {"elements": [{}]}}, "x", syncPolicy={"applicationsSync": "never"}),
            "applicationsSync must be one of",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_understood_refuses_the_whole_set_by_name(given: dict[str, Any], told: str) -> None:
    assert told in refusal(given)


@pytest.mark.parametrize(
    ("policy", "updates", "deletes"),
    [
        ({}, True, True),
        ({"applicationsSync": "sync"}, True, True),
        ({"applicationsSync": "create-only"}, False, False),
        ({"applicationsSync": "create-update"}, True, False),
        ({"applicationsSync": "create-delete"}, False, True),
    ],
)
def test_application_policies(policy: dict[str, Any], updates: bool, deletes: bool) -> None:
    made = expand(body({"list": {"elements": [{}]}}, "x", syncPolicy=policy))
    assert (made.updates, made.deletes) == (updates, deletes)


@pytest.mark.parametrize(("preserve", "cascades"), [(True, False), (False, True)])
def test_generated_apps_cascade_unless_resources_are_preserved(preserve: bool, cascades: bool) -> None:
    made = expand(body({"list": {"elements": [{}]}}, "x", syncPolicy={"preserveResourcesOnDeletion": preserve}))
    assert made.children[0].cascades is cascades
    assert made.children[0].body["metadata"]["annotations"] == {"gitsync.io/application-set": "all"}


def test_template_patch_changes_what_text_cannot() -> None:
    patch = "spec:\n  syncPolicy:\n    automated:\n      prune: {{ .prune }}\n"
    made = expand(body({"list": {"elements": [{"prune": True}]}}, "x", templatePatch=patch, **GO))
    assert made.children[0].body["spec"]["syncPolicy"] == {"automated": {"prune": True}}
    assert "project" in refusal(body({"list": {"elements": [{}]}}, "x", templatePatch="spec: {project: other}"))
    chosen = body({"list": {"elements": [{"p": "admin"}]}}, "x")
    chosen["spec"]["template"]["spec"]["project"] = "{{p}}"
    assert "spec.template.spec.project must be fixed text" in refusal(chosen)


def test_a_generators_own_template_wins() -> None:
    own = {"metadata": {}, "spec": {"destination": {"namespace": "other"}}}
    made = expand(body({"list": {"elements": [{}], "template": own}}, "x"))
    assert made.children[0].body["spec"]["destination"] == {"namespace": "other"}
