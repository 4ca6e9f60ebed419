"""`gitsync validate` on real working directories: what it finds, where, and how it says so."""

import json
from pathlib import Path

import pytest
from git_repositories import config_map, run_git

from gitsync.cli import main

JOB = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: orders
spec:
  image: flink:1.20.1
  flinkVersion: v1_20
  serviceAccount: default
  flinkConfiguration:
    state.checkpoints.dir: s3://state/checkpoints
    state.savepoints.dir: s3://state/savepoints
  jobManager:
    resource: {memory: 1024m, cpu: 1}
  taskManager:
    resource: {memory: 1024m, cpu: 1}
  job:
    jarURI: local:///opt/flink/usrlib/job.jar
    parallelism: 2
    upgradeMode: savepoint
"""


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working tree, the present directory."""
    directory = tmp_path / "work"
    directory.mkdir()
    run_git("init", "--quiet", at=directory)
    monkeypatch.chdir(directory)
    return directory


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_a_sound_directory_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    write({"apps/job.yaml": JOB, "apps/values.yaml": "replicas: 3\n", "README.md": "x"})
    assert main.run(["validate", "."]) == 0
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("1 object checked: nothing found")


def test_findings_point_at_the_field_from_where_one_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"apps/job.yaml": JOB.replace("parallelism: 2", "paralelism: 2"), "apps/x/y.txt": ""})
    monkeypatch.chdir("apps")
    assert main.run(["validate", "."]) == 1
    first = capsys.readouterr().out.splitlines()
    assert any(line.startswith("job.yaml:18:5: error: FlinkDeployment orders: spec.job.paralelism") for line in first)
    monkeypatch.chdir("x")
    assert main.run(["validate", "../job.yaml"]) == 1
    assert capsys.readouterr().out.startswith("../job.yaml:")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 1), (("--fail-on", "error"), 0), (("--fail-on", "never"), 0), (("--ignore", "state-stateless"), 0)],
)
def test_the_exit_code_follows_the_worst_finding(arguments: tuple[str, ...], code: int) -> None:
    write({"job.yaml": JOB.replace("savepoint\n", "stateless\n")})
    assert main.run(["validate", ".", *arguments]) == code


def test_broken_yaml_and_broken_kustomizations_are_findings(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        {
            "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n",
            "over/kustomization.yaml": "resources:\n- missing.yaml\n- https://example.com/base\n",
        }
    )
    assert main.run(["validate", ".", "-o", "json"]) == 1
    found = [(one["file"], one["line"], one["rule"]) for one in json.loads(capsys.readouterr().out)["findings"]]
    assert found == [
        ("a.yaml", 4, "manifest"),
        ("over/kustomization.yaml", 2, "kustomize"),
        ("over/kustomization.yaml", 3, "kustomize"),
    ]


def test_a_kustomization_is_judged_by_what_it_builds_and_its_patches_are_no_objects(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {name: orders}\nspec: SPEC\n"
    write(
        {
            "base/kustomization.yaml": "resources: [job.yaml]\n",
            "base/job.yaml": JOB.replace("  image: flink:1.20.1\n", ""),
            "prod/kustomization.yaml": "resources: [../base]\nnamespace: prod\npatches: [{path: patch.yaml}]\n",
            "prod/patch.yaml": patch.replace("SPEC", "{job: {parallelism: 8}}"),
        }
    )
    assert main.run(["validate", "."]) == 0, capsys.readouterr().out
    write({"prod/patch.yaml": patch.replace("SPEC", "{job: {parallelism: -8}}")})
    capsys.readouterr()
    assert main.run(["validate", "."]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "FlinkDeployment prod/orders: spec.job.parallelism must be at least 1" in line


def test_sarif_names_files_from_the_top_of_the_repository(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"apps/job.yaml": JOB.replace("v1_20", "v0_9")})
    monkeypatch.chdir("apps")
    assert main.run(["validate", ".", "-o", "sarif"]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert places == {"apps/job.yaml"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nowhere",), 3, "there is no file or directory 'nowhere'"),
        (("ignored",), 3, "is empty or ignored by Git"),
        ((".", "--ignore", "nope"), 2, "there is no rule 'nope'"),
        ((".", "--operator-default", "x"), 2, "is not KEY=VALUE"),
        ((), 2, "PATH"),
    ],
)
def test_wrong_arguments(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told: str) -> None:
    write({".gitignore": "ignored\n", "ignored/a.yaml": config_map("a")})
    assert main.run(["validate", *arguments]) == code
    assert told in capsys.readouterr().err


def test_links_out_of_the_repository_are_not_followed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = work.parent / "outside.yaml"
    outside.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: BAD}\n")
    Path("link.yaml").symlink_to(outside)
    write({"job.yaml": JOB})
    assert main.run(["validate", "."]) == 0
    assert "BAD" not in capsys.readouterr().out


def test_the_example_repository_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["validate", str(Path(__file__).parents[2] / "repo-layout-example")]) == 0
    told = capsys.readouterr().err
    assert "27 objects checked: nothing found" in told, (
        "plain, Kustomize, session, SQL, Python, snapshots, Applications"
    )


def test_a_damaged_file_that_names_no_kind_is_told_and_no_finding_to_fail_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write({"apps/job.yaml": JOB, "apps/odd.yaml": "a: [1\nb: {\n", "apps/values.yaml": "replicas: 3\n"})
    assert main.run(["validate", "apps"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("apps/odd.yaml:2:2: advice: left out: neither a manifest nor valid YAML"), told
    assert "values.yaml" not in told


def test_what_git_cannot_take_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run_git("init", "--quiet", "inner", at=Path())
    assert main.run(["validate", "."]) == 3
    assert "'inner/' does not have a commit checked out" in capsys.readouterr().err
