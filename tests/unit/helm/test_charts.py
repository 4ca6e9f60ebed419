"""What a chart needs of a commit, how Helm is asked, and what its answer means; without Helm."""

from typing import Any

import pytest

from gitsync.git import trees
from gitsync.render import helm, helmcharts, helmhooks, helmoptions
from gitsync.render.chartwalks import Commit
from gitsync.render.helm import Helm
from gitsync.render.helmcharts import Chart
from gitsync.render.helmoptions import HelmOptions
from operator_core.errors import Reason, Stalled

FILES = {
    "charts/web/Chart.yaml": "name: web",
    "charts/web/templates/a.yaml": "{{ .Values.a }}",
    "charts/web/values-prod.yaml": "from: chart",
    "env/prod/a.yaml": "from: a",
    "env/prod/b.yaml": "from: b",
    "env/prod/deep/c.yaml": "from: c",
    "secret.txt": "token",
}


def commit(files: dict[str, str], links: dict[str, str] | None = None) -> Commit:
    """A commit; a file's blob is its path."""
    entries = {path: ("100644", text) for path, text in files.items()}
    entries |= {path: ("120000", target) for path, target in (links or {}).items()}
    lines = [f"{mode} blob {path} {len(text)}\t{path}\0" for path, (mode, text) in sorted(entries.items())]
    return Commit(trees.Listing("".join(lines).encode()), lambda blob: entries[blob][1].encode())


def chart(
    options: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
    links: dict[str, str] | None = None,
    others: dict[str, Commit] | None = None,
) -> Chart:
    wanted = helmoptions.parse(options, "app", "flink")
    return helmcharts.needed(commit({**FILES, **(files or {})}, links), "charts/web", wanted, others or {})


def problems(found: Chart) -> str:
    return "\n".join(str(error) for error in found.errors)


@pytest.mark.parametrize(
    ("value_files", "contents"),
    [
        (["values-prod.yaml"], ["from: chart"]),
        (["../../env/prod/b.yaml", "/env/prod/a.yaml"], ["from: b", "from: a"]),
        (["../../env/prod/*.yaml"], ["from: a", "from: b"]),
        (["/env/prod/**/*.yaml"], ["from: a", "from: b", "from: c"]),
        (["/env/prod/{b,a}.yaml"], ["from: a", "from: b"]),
        (["/env/prod/[b].yaml"], ["from: b"]),
        (["/env/prod/*.yaml", "/env/prod/a.yaml"], ["from: b", "from: a"]),
        (["$values/x.yaml"], ["from: other"]),
        (["$values/*.yaml"], ["from: other"]),
    ],
)
def test_value_files_in_their_order(value_files: list[str], contents: list[str]) -> None:
    found = chart(
        {"valueFiles": value_files, "values": "from: inline"}, others={"values": commit({"x.yaml": "from: other"})}
    )
    assert problems(found) == ""
    assert [one.decode() for one in found.value_files] == [*contents, "from: inline"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"valueFiles": ["../../../etc/passwd"]}, "leads out of the repository"),
        ({"valueFiles": ["/../x"]}, "leads out of the repository"),
        ({"valueFiles": ["https://example.com/v.yaml"]}, "remote files are refused"),
        ({"valueFiles": ["s3://bucket/v.yaml"]}, "remote files are refused"),
        ({"valueFiles": ["$other/x.yaml"]}, "no source has that ref"),
        ({"valueFiles": ["$values/../../x"]}, "leads out of the repository"),
        ({"valueFiles": ["nope.yaml"]}, "does not exist"),
        ({"valueFiles": ["/env"]}, "is a directory"),
        ({"valueFiles": ["/nope/*.yaml"]}, "nothing matches"),
        ({"valueFiles": ["out.yaml"]}, "is refused: it leads out of the repository"),
        ({"valueFiles": ["absolute.yaml"]}, "is refused: its target is an absolute path"),
        ({"fileParameters": [{"name": "a", "path": "../../../etc/shadow"}]}, "leads out of the repository"),
    ],
)
def test_files_outside_are_refused(options: dict[str, Any], told: str) -> None:
    links = {"charts/web/out.yaml": "../../../x", "charts/web/absolute.yaml": "/etc/passwd"}
    found = chart(options, links=links, others={"values": commit({"x.yaml": ""})})
    assert told in problems(found)


def test_a_missing_value_file_may_miss_and_its_place_is_an_input() -> None:
    found = chart({"valueFiles": ["later.yaml", "/nope/*"], "ignoreMissingValueFiles": True})
    assert problems(found) == ""
    assert "charts/web/later.yaml" in {one.path for one in found.inputs if not one.blob}


def test_links_inside_the_repository_become_what_they_lead_to() -> None:
    found = chart(links={"charts/web/extra.txt": "../../secret.txt", "charts/web/env": "../../env"})
    assert problems(found) == ""
    assert found.files["charts/web/extra.txt"].path == "secret.txt"
    assert found.files["charts/web/env/prod/a.yaml"].path == "env/prod/a.yaml"
    assert found.links == {}


@pytest.mark.parametrize("target", ["../../../../etc", "/etc/passwd", "../../.git/config", "..", "self"])
def test_links_that_lead_out_or_around_are_refused(target: str) -> None:
    assert "symbolic link" in problems(chart(links={"charts/web/self": target}))


@pytest.mark.parametrize(
    ("dependency", "files", "told"),
    [
        ("repository: https://charts.example.com", {}, "the dependency common is not in charts/"),
        ("repository: oci://r.example.com/x", {}, "run `helm dependency update` and commit Chart.lock or charts/"),
        ("repository: https://c", {"charts/web/charts/common-1.0.0.tgz": "x"}, ""),
        ("repository: https://c", {"charts/web/charts/common/Chart.yaml": "x"}, ""),
        ("repository: 'file://../common'", {"charts/common/Chart.yaml": "x"}, ""),
        ("repository: 'file://../../../common'", {}, "leads out of the repository"),
        ("repository: 'file://.'", {}, "is no directory of a chart"),
    ],
)
def test_dependencies_are_vendored_or_beside(dependency: str, files: dict[str, str], told: str) -> None:
    text = f"name: web\ndependencies:\n- name: common\n  {dependency}\n"
    found = chart(files={"charts/web/Chart.yaml": text, **files})
    assert told in problems(found) if told else problems(found) == ""
    if not told:
        assert any(path.startswith("charts/web/charts/common") for path in found.files)


def test_a_dependencys_name_is_no_path() -> None:
    text = "name: web\ndependencies: [{name: ../../x, repository: 'file://../common'}]\n"
    assert "a name no chart can have" in problems(chart(files={"charts/web/Chart.yaml": text}))


def test_arguments_are_fixed_but_for_values() -> None:
    options = {
        "releaseName": "rel",
        "valueFiles": ["values-prod.yaml"],
        "valuesObject": {"a": 1},
        "values": "ignored: true",
        "parameters": [{"name": "a", "value": "1,2"}, {"name": "b", "value": "true", "forceString": True}],
        "fileParameters": [{"name": "c", "path": "/secret.txt"}],
        "kubeVersion": "1.30",
        "apiVersions": ["flink.apache.org/v1beta1/FlinkDeployment"],
        "skipTests": True,
    }
    found = chart(options)
    assert helm.arguments(found, helmoptions.parse(options, "app", "flink"), {}) == [
        "template",
        "rel",
        "./charts/web",
        "--namespace=flink",
        "--include-crds",
        "--skip-tests",
        "--kube-version=1.30",
        "--api-versions=flink.apache.org/v1beta1/FlinkDeployment",
        "--values=../loose/values-0.yaml",
        "--values=../loose/values-1.yaml",
        "--set=a=1\\,2",
        "--set-string=b=true",
        "--set-file=c=../loose/file-0",
    ]
    assert found.value_files[1] == b'{"a": 1}'


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"releaseName": "--post-renderer=/bin/sh"}, "releaseName"),
        ({"namespace": "a b"}, "namespace"),
        ({"kubeVersion": "1.30 --debug"}, "kubeVersion"),
        ({"apiVersions": ["--x=y"]}, ""),
        ({"apiVersions": ["a b"]}, "apiVersions"),
        ({"parameters": [{"name": "a=b", "value": "x"}]}, "parameters[0].name"),
        ({"parameters": [{"name": "a", "value": 1}]}, "parameters[0].value"),
        ({"fileParameters": [{"name": "a=/etc/passwd,b", "path": "x"}]}, "fileParameters[0].name"),
        ({"postRenderer": "x"}, "postRenderer"),
        ({"valueFiles": "x"}, "valueFiles"),
    ],
)
def test_values_that_could_be_options_are_refused_by_name(options: dict[str, Any], field: str) -> None:
    with pytest.raises(Stalled) as caught:
        helmoptions.parse(options, "app", "flink")
    assert f"spec.source.helm.{field}" in caught.value.message


def test_without_the_program_the_condition_says_so() -> None:
    with pytest.raises(Stalled) as caught:
        Helm(path="/nonexistent").template(chart(), HelmOptions("a", "b"), {}, {})
    assert caught.value.reason is Reason.HelmUnavailable
    assert "charts/web is a Helm chart" in caught.value.message


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"apps/Chart.yaml": ""}, True),
        ({"apps/myChart.yaml": ""}, True),
        ({"apps/sub/Chart.yaml": ""}, False),
        ({"apps/Chart.yml": ""}, False),
    ],
)
def test_a_chart_is_told_by_its_top_level(files: dict[str, str], expected: bool) -> None:
    assert helmcharts.is_at(commit(files).tree, "apps") is expected


OUTPUT = b"""---
# Source: web/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# Source: web/charts/sub/templates/b.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
# Source: web/templates/test.yaml
apiVersion: v1
kind: Pod
metadata: {name: t, annotations: {helm.sh/hook: test}}
"""


def test_objects_stand_in_their_templates_and_tests_are_left_out() -> None:
    objects, errors = helm.joined(OUTPUT, "charts/web")
    assert errors == ()
    assert [(one.body["metadata"]["name"], one.file) for one in objects] == [
        ("a", "charts/web/templates/a.yaml"),
        ("b", "charts/web/charts/sub/templates/b.yaml"),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"helm.sh/hook": "pre-install,pre-upgrade"}, {"argocd.argoproj.io/hook": "PreSync"}),
        ({"helm.sh/hook": "post-install,pre-upgrade"}, {"argocd.argoproj.io/hook": "PostSync,PreSync"}),
        ({"helm.sh/hook": "post-delete"}, {"argocd.argoproj.io/hook": "PostDelete"}),
        ({"helm.sh/hook": "crd-install"}, {}),
        ({"helm.sh/hook": "test"}, None),
        ({"helm.sh/hook": "pre-rollback"}, None),
        (
            {
                "helm.sh/hook": "pre-install",
                "helm.sh/hook-weight": "-5",
                "helm.sh/hook-delete-policy": "hook-succeeded",
            },
            {
                "argocd.argoproj.io/hook": "PreSync",
                "argocd.argoproj.io/sync-wave": "-5",
                "argocd.argoproj.io/hook-delete-policy": "HookSucceeded",
            },
        ),
        ({"helm.sh/hook": "test", "argocd.argoproj.io/hook": "Sync"}, {}),
        ({"helm.sh/resource-policy": "keep"}, {"argocd.argoproj.io/sync-options": "Delete=false"}),
        (
            {"helm.sh/resource-policy": "keep", "argocd.argoproj.io/sync-options": "Prune=false"},
            {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"},
        ),
        ({}, {}),
    ],
    ids=str,
)
def test_helms_annotations_as_argo_cds(given: dict[str, str], expected: dict[str, str] | None) -> None:
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "annotations": dict(given)}}
    found = helmhooks.mapped(body)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found["metadata"]["annotations"] == {**given, **expected}
    assert body["metadata"]["annotations"] == given, "what was given is not changed"
