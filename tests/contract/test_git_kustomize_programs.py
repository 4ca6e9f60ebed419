"""The program that builds kustomizations: which one, how long and how much, and what it sees of the agent."""

import os
import shutil
from pathlib import Path

import kubectls
import pytest
from git_repositories import Repository, config_map
from overlays import OVERLAY, problem, render

from gitsync.git import mirrors
from gitsync.render.kustomize import Kustomize
from operator_core.errors import Reason, Retry, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> mirrors.Mirror:
    return mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)


def test_a_program_named_kustomize_comes_first(repository: Repository, mirror: mirrors.Mirror, tmp_path: Path) -> None:
    repository.commit(OVERLAY)
    kubectl = kubectls.kubectl(tmp_path)
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\ntest "$1" = build || exit 9\nshift\nexec {kubectl} kustomize "$@"\n')
    program.chmod(0o755)
    assert render(mirror, Kustomize(Path("/nonexistent"), path=str(program.parent))).ok


def test_without_a_program_it_is_said_what_to_install(repository: Repository, mirror: mirrors.Mirror) -> None:
    repository.commit({**OVERLAY, "apps/base/web.yaml": config_map("web", only="here")})
    with pytest.raises(Stalled) as caught:
        render(mirror, Kustomize(path=""))
    assert caught.value.reason is Reason.KustomizeMissing
    assert "neither 'kustomize' nor 'kubectl'" in caught.value.message


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sleep 60", "took longer than"),
        ("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "makes more than"),
        ("kill -9 $$", "was killed"),
    ],
)
def test_a_build_is_bounded(
    repository: Repository, mirror: mirrors.Mirror, tmp_path: Path, script: str, expected: str
) -> None:
    repository.commit({**OVERLAY, "apps/base/web.yaml": config_map("web", only=expected.replace(" ", "-"))})
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    builder = Kustomize(path=f"{program.parent}:{os.environ['PATH']}", timeout=3.0)
    try:
        found = problem(mirror, builder)
    except Retry as error:
        found = error.message
    assert expected in found


def test_the_environment_of_a_build_is_empty(
    repository: Repository, mirror: mirrors.Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({**OVERLAY, "apps/base/web.yaml": config_map("web", only="environment")})
    monkeypatch.setenv("GITSYNC_GIT_PASSWORD", "secret")
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    text = "$(env | cut -d= -f1 | sort | tr '\\n' ' ')$(ulimit -t)"
    program.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]}\necho "error: $0 {text}" >&2\nexit 1\n')
    program.chmod(0o755)
    shutil.copy(program, tmp_path / "kustomize")
    found = problem(mirror, Kustomize(path=str(program.parent)))
    assert "GITSYNC" not in found
    assert "HOME" in found
    assert found.endswith(" 60")
