"""One app per directory: which directories count, and what their apps look like."""

import pytest

from gitsync.git import trees
from gitsync.model import syncapps
from gitsync.model.rendersets import InputFile, RenderedObject, RenderError
from gitsync.render import directories

SOURCE = {
    "repoURL": "https://example.org/r.git",
    "targetRevision": "v1",
    "path": "jobs",
    "directory": {"recurse": True, "detect": True},
}
SPEC = {
    "appPerDirectory": True,
    "project": "team",
    "source": {
        "repoURL": "https://example.org/r.git",
        "targetRevision": "v1",
        "path": "jobs",
        "directory": {"recurse": True, "detect": True},
    },
    "destination": {"namespace": "flink"},
    "syncPolicy": {"automated": {"prune": True}},
}


def listing(*paths: str) -> trees.Listing:
    return trees.Listing("".join(f"100644 blob {'0' * 40} 1\t{path}\0" for path in sorted(paths)).encode())


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["jobs/a/x.yaml", "jobs/b/deep/y.json", "other/z.yaml"], ("a", "b")),
        (["jobs/top.yaml", "jobs/.hidden/x.yaml", "jobs/docs/README.md"], ()),
        (["jobs/k/Kustomization", "jobs/c/Chart.yaml"], ("c", "k")),
        (["jobsy/a/x.yaml"], ()),
    ],
)
def test_directories_with_anything_to_render_count(paths: list[str], expected: tuple[str, ...]) -> None:
    assert directories.found(listing(*paths), "jobs") == expected


def test_at_the_root_too() -> None:
    assert directories.found(listing("a/x.yaml", "top.yaml"), "") == ("a",)
    assert directories.inputs(("a",), "") == (InputFile("a/", "directory"),)


def test_an_app_of_a_directory_has_what_its_parent_has() -> None:
    text = directories.template(syncapps.Spec.model_validate(SPEC))
    (one,) = directories.apps(("Blue_Team",), "jobs", text, "sys", "root")
    assert isinstance(one, RenderedObject)
    app = syncapps.parse(one.body)
    assert (app.namespace, app.name, one.file) == ("sys", "blue-team", "jobs/Blue_Team")
    assert (app.spec.main.path, app.spec.main.target_revision) == ("jobs/Blue_Team", "v1")
    assert app.spec.main.directory is not None and app.spec.main.directory.recurse
    assert (app.spec.project, app.spec.destination.namespace) == ("team", "flink")
    assert one.body["metadata"]["finalizers"] == ["gitsync.io/cascade"]
    assert not app.spec.app_per_directory, "one level, not all of them"


def test_without_pruning_what_a_directory_held_stays() -> None:
    text = directories.template(syncapps.Spec.model_validate({**SPEC, "syncPolicy": {}}))
    (one,) = directories.apps(("a",), "jobs", text, "sys", "root")
    assert isinstance(one, RenderedObject)
    assert "finalizers" not in one.body["metadata"]


@pytest.mark.parametrize(
    ("names", "told"),
    [(("root",), "as its own app"), (("A_b", "a-b"), "as the directory jobs/A_b"), (("___",), "named ''")],
)
def test_names_that_are_taken_or_empty_are_refused(names: tuple[str, ...], told: str) -> None:
    text = directories.template(syncapps.Spec.model_validate(SPEC))
    wrong = [one for one in directories.apps(names, "jobs", text, "sys", "root") if isinstance(one, RenderError)]
    assert len(wrong) == 1 and told in wrong[0].message and "rename it" in wrong[0].message


def test_an_app_that_does_not_ask_makes_none_and_one_that_asks_has_one_source() -> None:
    assert directories.template(syncapps.Spec.model_validate({**SPEC, "appPerDirectory": False})) == ""
    with pytest.raises(ValueError, match="needs a single source"):
        syncapps.Spec.model_validate({**SPEC, "source": None, "sources": [SOURCE, SOURCE]})
