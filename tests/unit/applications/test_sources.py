"""`.argocd-source.yaml` files merged into a source, and several sources as one app."""

from typing import Any

import pytest

from gitsync.git import trees
from gitsync.model.rendersets import RenderedObject
from gitsync.render import multisources, toolfiles
from operator_core.errors import Stalled

SOURCE = {"repoURL": "https://example.com/r.git", "path": "apps/a", "targetRevision": "main"}


def listing(files: dict[str, str], mode: str = "100644") -> trees.Listing:
    """A commit with these files; a file's blob is its path."""
    lines = [f"{mode} blob {path} {len(text)}\t{path}\0" for path, text in sorted(files.items())]
    return trees.Listing("".join(lines).encode())


def merged(files: dict[str, str], source: dict[str, Any] | None = None, mode: str = "100644") -> Any:
    names = toolfiles.names("web", "gitsync-system", "gitsync-system")
    return toolfiles.merged(source or SOURCE, names, "apps/a", listing(files, mode), lambda blob: files[blob].encode())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, SOURCE),
        (
            {"apps/a/.argocd-source.yaml": "kustomize: {images: [a:1]}"},
            {**SOURCE, "kustomize": {"images": ["a:1"]}},
        ),
        (
            {
                "apps/a/.argocd-source.yaml": "helm: {values: x, releaseName: r}",
                "apps/a/.argocd-source-web.yaml": "helm: {values: z}",
            },
            {**SOURCE, "helm": {"values": "z", "releaseName": "r"}},
        ),
        ({"apps/a/.argocd-source-other.yaml": "helm: {values: z}"}, SOURCE),
        (
            {"apps/a/.argocd-source.yaml": "{repoURL: e, path: /, chart: c, directory: {recurse: true}}"},
            {**SOURCE, "directory": {"recurse": True}},
        ),
        ({"apps/a/.argocd-source.yaml": "# nothing\n"}, SOURCE),
    ],
)
def test_files_change_options_of_tools_only(files: dict[str, str], expected: dict[str, Any]) -> None:
    result, inputs, errors = merged(files)
    assert (result, errors) == (expected, ())
    assert {one.path for one in inputs} == {"apps/a/.argocd-source.yaml", "apps/a/.argocd-source-web.yaml"}


def test_null_takes_an_option_away_as_in_a_merge_patch() -> None:
    source = {**SOURCE, "helm": {"values": "x", "releaseName": "r"}}
    result, _, _ = merged({"apps/a/.argocd-source.yaml": "helm: {values: null}"}, source)
    assert result["helm"] == {"releaseName": "r"}


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("a: [", "100644", "did not find expected node content"),
        ("- a", "100644", "must hold one map"),
        ("a: 1\n---\nb: 2", "100644", "must hold one map"),
        ("/etc/passwd", "120000", "must be a regular file"),
        ("{helm: {values: x}, kustomize: {namePrefix: y}}", "100644", "one tool at most"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_name(text: str, mode: str, told: str) -> None:
    _, _, errors = merged({"apps/a/.argocd-source.yaml": text}, mode=mode)
    (error,) = errors
    assert error.file == "apps/a/.argocd-source.yaml"
    assert told in error.message


def test_a_source_whose_tool_is_found_takes_options_of_any_tool() -> None:
    files = {"apps/a/.argocd-source.yaml": "helm: {valueFiles: [more.yaml]}"}
    source, _, errors = merged(files, {**SOURCE, "directory": {"recurse": True, "detect": True}})
    assert (source["helm"], errors) == ({"valueFiles": ["more.yaml"]}, ())


@pytest.mark.parametrize("directory", [{"recurse": True}, {"detect": True, "include": "*.yaml"}])
def test_a_source_that_names_its_tool_takes_no_options_of_another(directory: dict[str, Any]) -> None:
    files = {"apps/a/.argocd-source.yaml": "helm: {valueFiles: [more.yaml]}"}
    (error,) = merged(files, {**SOURCE, "directory": directory})[2]
    assert (error.file, error.message) == (
        "apps/a/.argocd-source.yaml",
        "directory and helm are given: a source has one tool at most",
    )


def test_an_app_outside_the_agents_namespace_has_it_in_the_files_name() -> None:
    assert toolfiles.names("web", "team", "gitsync-system")[1] == ".argocd-source-team_web.yaml"


REF = {"repoURL": "https://example.com/values.git", "ref": "values"}


def test_a_source_with_a_ref_and_no_path_lends_its_files_only() -> None:
    first, second = multisources.parts([SOURCE, REF])
    assert (first.renders, second.renders, second.revision) == (True, False, "HEAD")


def test_a_chart_renders_from_its_own_root() -> None:
    found = multisources.parts([SOURCE, {"repoURL": "https://charts.example.org", "chart": "web"}])
    assert (found[1].renders, found[1].path) == (True, ".")


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([{"repoURL": "x", "chart": "web", "ref": "a"}], "spec.sources[0].chart is given beside ref"),
        ([{"path": "a"}], "spec.sources[0].repoURL is missing"),
        ([{"repoURL": "x"}], "spec.sources[0] needs a path, or a ref"),
        ([REF, REF], "spec.sources[1].ref: the name 'values' is taken"),
    ],
)
def test_sources_that_cannot_be(sources: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(Stalled) as caught:
        multisources.parts(sources)
    assert told in caught.value.message


def test_a_repository_that_lends_files_is_at_one_commit() -> None:
    own_ref = {**REF, "repoURL": SOURCE["repoURL"], "targetRevision": "v1"}
    both = multisources.parts([SOURCE, own_ref])
    same = {(SOURCE["repoURL"], "main"): "1" * 40, (SOURCE["repoURL"], "v1"): "1" * 40}
    multisources.check_revisions(both, same)
    with pytest.raises(Stalled, match="is used at main and at v1"):
        multisources.check_revisions(both, {**same, (SOURCE["repoURL"], "v1"): "2" * 40})
    elsewhere = multisources.parts([SOURCE, {**SOURCE, "targetRevision": "v1"}])
    multisources.check_revisions(elsewhere, {**same, (SOURCE["repoURL"], "v1"): "2" * 40})


def rendered(kind: str, name: str, file: str, namespace: str | None = None) -> RenderedObject:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return RenderedObject({"apiVersion": "v1", "kind": kind, "metadata": meta}, file, 1)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (rendered("ConfigMap", "a", "1"), rendered("ConfigMap", "a", "2"), ["2"]),
        (rendered("ConfigMap", "a", "1"), rendered("ConfigMap", "a", "2", "flink"), ["2"]),
        (rendered("ConfigMap", "a", "1"), rendered("ConfigMap", "a", "2", "other"), ["1", "2"]),
        (rendered("ConfigMap", "a", "1"), rendered("Secret", "a", "2"), ["1", "2"]),
        (rendered("Namespace", "a", "1"), rendered("Namespace", "a", "2", "x"), ["2"]),
        (rendered("Job", "", "1"), rendered("Job", "", "2"), ["1", "2"]),
    ],
)
def test_the_later_source_wins_after_namespaces_are_filled_in(
    one: RenderedObject, other: RenderedObject, kept: list[str]
) -> None:
    objects, warnings = multisources.joined([[one], [other]], "flink", {("v1", "Namespace"): False})
    assert [found.file for found in objects] == kept
    assert len(warnings) == 2 - len(kept)
