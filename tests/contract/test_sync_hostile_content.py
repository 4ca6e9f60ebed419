"""Whatever a commit holds: one clear message for its app, another app of the commit goes on, nothing is pruned."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hostile import config_map, follow, is_synced, message_of
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.settings import Settings
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS


@dataclass(frozen=True)
class Case:
    """Files and links (path → target) of a bad commit below `bad/`, and what the app says of it."""

    name: str
    message: str
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
KUSTOMIZE = "kustomization.yaml"
CASES = (
    Case("syntax", "bad/keep.yaml:2", {"keep.yaml": "apiVersion: v1\n kind: x\nmetadata: {\n"}),
    Case("bomb", "500000", {"keep.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n{BOMB}"}),
    Case("deep", "deep", {"keep.yaml": "apiVersion: v1\nkind: x\nmetadata: " + "[" * 300 + "]" * 300}),
    Case("huge", "more than the", {"keep.yaml": config_map("x", "y" * (11 * 2**20))}),
    Case("not text", "not UTF-8 text", {"keep.yaml": b"apiVersion: v1\nkind: \xff\xfe\nmetadata: {}\n"}),
    Case("no kind", "'kind' is missing", {"keep.yaml": config_map("keep") + "---\nmetadata: {name: x}\n"}),
    Case(
        "LFS", "a Git LFS pointer", {"keep.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"}
    ),
    Case("jsonnet", "Jsonnet is not evaluated", {"more.jsonnet": "{}"}),
    Case("absolute link", "its target is an absolute path", links={"out.yaml": "/etc/passwd"}),
    Case("link out", "leads out of the repository", links={"out.yaml": "../../outside.yaml"}),
    Case("link to .git", "leads into .git", links={"out.yaml": "../.git/config"}),
    Case("two hops", "leads out of the repository", links={"out.yaml": "hop", "hop": "../../outside.yaml"}),
    Case("loop", "leads in a circle", links={"one.yaml": "two", "two": "one.yaml"}),
    Case("remote base", "remote bases and files are refused", {KUSTOMIZE: "resources: [https://h/x?ref=1]\n"}),
    Case("base outside", "leads out of the repository", {KUSTOMIZE: "resources: [../../outside]\n"}),
    Case("chart inflation", "Helm charts are not inflated", {KUSTOMIZE: "helmCharts: [{name: x, repo: https://h}]\n"}),
    Case(
        "exec plugin",
        "",
        {
            KUSTOMIZE: "generators: [exec.yaml]\n",
            "exec.yaml": "apiVersion: x/v1\nkind: Run\nmetadata:\n  name: run\n  annotations:\n"
            "    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n",
            "run.sh": "#!/bin/sh\ntouch MARK\n",
        },
    ),
    Case("two kustomizations", "", {KUSTOMIZE: "resources: []\n", "kustomization.yml": "resources: []\n"}),
)


@pytest.fixture
def agent(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Agent]:
    repository.commit("Start", {"bad/keep.yaml": config_map("keep"), "good/good.yaml": config_map("good", "0")})
    places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": 0.2}
    running = Agent(Client.connect(kubeconfig=kubeconfig), Settings.model_validate(places), tmp_path / "agent")
    yield running
    running.stop()


def test_bad_content_of_one_app(cluster: Cluster, repository: Repository, agent: Agent, tmp_path: Path) -> None:
    for name in ("bad", "good"):
        follow(cluster, name, repoURL=str(repository.bare), path=name)
    wait_for("the start", lambda: cluster.get(CONFIG_MAPS, "keep") and cluster.get(CONFIG_MAPS, "good"))
    for number, case in enumerate(CASES, start=1):
        sha = commit(repository, case, config_map("good", str(number)))
        wait_for(f"{case.name}: the other app", lambda sha=sha: is_synced(cluster, "good", sha))  # type: ignore[misc]
        said = wait_for(f"{case.name}: a message", lambda: message_of(cluster, "bad") or None)
        assert case.message in said, f"{case.name}: {said}"
        assert "Traceback" not in said and len(said) < 1500
        assert cluster.get(CONFIG_MAPS, "keep") is not None, f"{case.name}: nothing is pruned"
        wiped = commit(repository, Case("mended", ""), config_map("good", f"{number} mended"))
        wait_for(f"{case.name}: mended", lambda: not message_of(cluster, "bad") or None)
        wait_for(f"{case.name}: the other app", lambda sha=wiped: is_synced(cluster, "good", sha))  # type: ignore[misc]
    assert not list(tmp_path.rglob("MARK"))


def commit(repository: Repository, case: Case, good: str) -> str:
    """The directory `bad` with nothing but the case's content, beside a changed `good`."""
    bad = repository.work / "bad"
    for old in bad.iterdir():
        old.unlink()
    (repository.work / "good/good.yaml").write_text(good)
    for path, content in {"keep.yaml": config_map("keep"), **case.files}.items():
        (bad / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    for path, target in case.links.items():
        os.symlink(target, bad / path)
    return repository.commit(case.name, {})


def test_names_and_line_ends_that_are_no_problem(cluster: Cluster, repository: Repository, agent: Agent) -> None:
    (repository.work / "odd").mkdir()
    (repository.work / "odd/bom.yaml").write_bytes(b"\xef\xbb\xbf" + config_map("bom").replace("\n", "\r\n").encode())
    with open(os.fsencode(repository.work / "odd") + b"/\xff\xfe.yaml", "w") as file:
        file.write(config_map("odd-name"))
    twice = config_map("twice", "1") + "---\n" + config_map("twice", "2")
    sha = repository.commit("Odd", {"odd/twice.yaml": twice, "odd/-rf.yaml": config_map("dashed")})
    follow(cluster, "odd", repoURL=str(repository.bare), path="odd")
    wait_for("odd names", lambda: is_synced(cluster, "odd", sha))
    for name in ("bom", "odd-name", "dashed"):
        assert cluster.get(CONFIG_MAPS, name) is not None
    live = cluster.get(CONFIG_MAPS, "twice")
    assert live is not None and live["data"] == {"a": "2"}, "of duplicates the last counts"


SOURCES = (
    ({"path": "../outside"}, "must not contain '..'"),
    ({"path": "/etc"}, "must be relative to the repository's root"),
    ({"path": "--upload-pack=x"}, "there is no directory"),
    ({"path": "good", "targetRevision": "--upload-pack=touch x"}, "is not a name Git allows"),
    ({"path": "good", "targetRevision": "main:good"}, "is not a name Git allows"),
    ({"path": "good", "targetRevision": "both"}, "is both a branch and a tag"),
    ({"path": "good", "repoURL": "ext::sh -c touch% x"}, "is refused"),
    ({"path": "good", "repoURL": "--upload-pack=x"}, "is refused"),
    ({"path": "good", "repoURL": "fd::3"}, "the transport 'fd' is not allowed"),
)


def test_sources_that_could_be_options_or_lead_out(cluster: Cluster, repository: Repository, agent: Agent) -> None:
    repository.commit("More", {"good/more.yaml": config_map("more")})
    push = ("push", "-q", str(repository.bare))
    for command in (("branch", "both", "HEAD~1"), ("tag", "both"), (*push, "--all"), (*push, "--tags")):
        subprocess.run(["git", *command], cwd=repository.work, check=True, capture_output=True)
    for number, (source, _) in enumerate(SOURCES):
        follow(cluster, f"odd-{number}", **{"repoURL": str(repository.bare), **source})
    for number, (_, message) in enumerate(SOURCES):
        name = f"odd-{number}"
        said = wait_for(f"{name} to say so", lambda name=name: message_of(cluster, name) or None)  # type: ignore[misc]
        assert message in said
