"""`gitsync render` on files, working directories and commits, with real Git, Kustomize and Helm."""

import json
import os
import shutil
from pathlib import Path

import pytest
from git_repositories import Repository, config_map, run_git

from gitsync.cli import main
from gitsync.git import trees, worktrees


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITSYNC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working tree, the present directory."""
    directory = tmp_path / "with a space"
    directory.mkdir()
    run_git("init", "--quiet", at=directory)
    monkeypatch.chdir(directory)
    return directory


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def rendered(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Names of what is rendered as JSON."""
    assert main.run(["render", *arguments, "-o", "json"]) == 0
    return [one["metadata"]["name"] for one in json.loads(capsys.readouterr().out)]


def test_a_working_directory_is_rendered_as_it_is(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write({"apps/a.yaml": config_map("a"), "apps/deep/b.yaml": config_map("b"), "apps/c.yaml": config_map("c")})
    run_git("add", "apps/a.yaml", at=work)
    write({".gitignore": "c.yaml\n", "apps/a.yaml": config_map("a-changed")})
    assert rendered(capsys, "apps") == ["a-changed", "b"]
    assert rendered(capsys, "apps", "--no-recurse") == ["a-changed"]
    assert rendered(capsys, "apps", "--exclude", "deep/*") == ["a-changed"]
    assert rendered(capsys, "apps/deep/b.yaml") == ["b"]
    assert run_git("status", "--short", at=work).splitlines() == ["AM apps/a.yaml", "?? .gitignore", "?? apps/deep/"]


def test_a_directory_without_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.chdir(plain)
    write({"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": config_map("a")})
    write({"over/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\n"})
    assert rendered(capsys, "over") == ["x-a"]
    assert rendered(capsys, str(plain / "base" / "a.yaml")) == ["a"]


def test_a_file_whose_name_is_a_pattern(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write({"a[b]*.yaml": config_map("odd"), "ab.yaml": config_map("other")})
    assert rendered(capsys, "a[b]*.yaml") == ["odd"]


def test_yaml_is_a_stream_of_documents(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write({"a.yaml": config_map("a", y="'1'") + "---\n" + config_map("b")})
    assert main.run(["render", "."]) == 0
    out = capsys.readouterr().out
    assert out.count("---\n") == 2
    write({"again.yaml": out})
    assert rendered(capsys, "again.yaml") == ["a", "b"]


def test_warnings_and_errors_go_to_standard_error(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        {"ok/a.yaml": config_map("a") + "---\n" + config_map("a"), "bad/a.yaml": "apiVersion: v1\nkind: [\nmetadata:\n"}
    )
    assert main.run(["render", "ok", "-o", "json"]) == 0
    found = capsys.readouterr()
    assert len(json.loads(found.out)) == 1
    assert found.err.startswith("warning: ConfigMap a is given twice, in ok/a.yaml:1 and ok/a.yaml:6")
    assert main.run(["render", "bad"]) == 3
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("error: bad/a.yaml:4:1: ")


def test_commits_of_a_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Repository(tmp_path / "repository")
    first = repository.commit({"apps/a.yaml": config_map("first")})
    repository.commit({"apps/a.yaml": config_map("second")})
    at = ("--repo", repository.url, "--path", "apps", "--revision")
    assert rendered(capsys, *at, "main") == ["second"]
    assert rendered(capsys, *at, "main^") == ["first"]
    assert rendered(capsys, *at, first) == ["first"]
    assert main.run(["render", *at, "nope"]) == 3
    assert "nope" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "give either PATH, --repo or --app"),
        ((".", "--repo", "/x"), 2, "give either PATH, --repo or --app"),
        (("nowhere",), 3, "there is no file or directory 'nowhere'"),
    ],
)
def test_wrong_arguments(
    work: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told: str
) -> None:
    assert main.run(["render", *arguments]) == code
    assert told in capsys.readouterr().err


def test_nothing_of_the_repositorys_own_settings_runs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = work.parent / "ran"
    for setting in ("core.fsmonitor", "filter.x.clean", "core.sshCommand"):
        run_git("config", setting, f"touch '{mark}'; cat", at=work)
    hook = work / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    hook.chmod(0o755)
    write({"a.yaml": config_map("a"), ".gitattributes": "*.yaml filter=x\n"})
    assert rendered(capsys, ".") == ["a"]
    assert not mark.exists()


def test_a_snapshot_borrows_what_the_repository_knows_and_leaves_no_trace(work: Path) -> None:
    write({"a.yaml": config_map("a")})
    run_git("add", ".", at=work)
    run_git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "One", at=work)
    before = sorted(path for path in work.rglob("*"))
    with worktrees.snapshot(work) as taken:
        kept = taken.mirror.directory
        assert [file.path for file in trees.files(taken.mirror, taken.revision.sha, "")] == ["a.yaml"]
        assert (kept / "objects" / "info" / "alternates").exists()
    assert not kept.exists()
    assert sorted(path for path in work.rglob("*")) == before


CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "one: chart\ntwo: chart\n",
    "charts/web/templates/a.yaml": (
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: {{ .Release.Name | quote }}, namespace: {{ .Release.Namespace | quote }}}\n"
        'data:\n  one: {{ .Values.one }}\n  two: {{ .Values.two }}\n  file: {{ .Files.Get "extra.txt" | quote }}\n'
        '  cluster: {{ lookup "v1" "Secret" "a" "b" | toJson | quote }}\n'
        '  host: {{ getHostByName "localhost" | quote }}\n'
    ),
    "env/prod.yaml": "two: prod\n",
    "secret.txt": "shared",
}
HELM = os.environ.get("GITSYNC_TEST_HELM") or shutil.which("helm")


@pytest.mark.skipif(HELM is None, reason="there is no helm; GITSYNC_TEST_HELM names one")
def test_a_chart_is_rendered_by_helm_and_sees_nothing_else(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(str(HELM)).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HELM_PLUGINS", str(work / "plugins"))
    write(CHART)
    Path("charts/web/extra.txt").symlink_to("../../secret.txt")
    assert (
        main.run(
            [
                "render",
                "charts/web",
                "--release",
                "r",
                "--destination-namespace",
                "n",
                "--values",
                "/env/prod.yaml",
                "-o",
                "json",
            ]
        )
        == 0
    )
    (found,) = json.loads(capsys.readouterr().out)
    assert found["metadata"] == {"name": "r", "namespace": "n"}
    assert found["data"] == {"one": "chart", "two": "prod", "file": "shared", "cluster": "{}", "host": ""}
    Path("charts/web/templates/a.yaml").write_text("a: {{ .Values.x.y }}\n")
    assert main.run(["render", "charts/web"]) == 3
    assert "error: charts/web/templates/a.yaml:1:" in capsys.readouterr().err


def test_a_chart_without_helm_says_so(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only_git = work.parent / "bin"
    only_git.mkdir()
    for name in ("git", "env", "sh"):
        (only_git / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(only_git))
    write(CHART)
    assert main.run(["render", "charts/web"]) == 3
    assert "there is no 'helm' on the agent's PATH" in capsys.readouterr().err


def test_a_key_opens_what_sops_encrypted(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Path(__file__).parent / "sops"
    write({"apps/secret.yaml": (files / "regex.yaml").read_text()})

    def password(*arguments: str) -> str:
        assert main.run(["render", "apps", *arguments, "-o", "json"]) == 0
        return str(json.loads(capsys.readouterr().out)[0]["stringData"]["password"])

    assert password().startswith("ENC[AES256_GCM,")
    assert password("--age-key-file", str(files / "key.txt")) == "hunter2"
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(files / "key.txt"))
    assert password() == "hunter2"
    write({"none": "no key\n"})
    assert main.run(["render", "apps", "--age-key-file", "none"]) == 3
    assert "holds no line that begins with AGE-SECRET-KEY-1" in capsys.readouterr().err
    write({"apps/secret.yaml": (files / "regex.yaml").read_text().replace("team: orders", "team: thieves", 1)})
    assert main.run(["render", "apps"]) == 3
    assert "apps/secret.yaml:2: the Secret database stays encrypted" in capsys.readouterr().err
