"""`gitsync set` on real repositories: one commit, one value, comments and all else untouched."""

import subprocess

from syncing import Repository, Run

JOB = """\
# owned by the orders team
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: orders}   # short
spec:
  image: registry/orders:1   # set by CI
  flinkVersion: v1_20
  job:
    jarURI: local:///job.jar
    parallelism: 1
    args: ["--topic", "orders"]
"""
OVERLAY = "# production\nresources: [../base]\nimages:\n- name: registry/orders\n  newTag: '1'  # set by CI\n"
BASE = "resources: [job.yaml]\n"


def head(repository: Repository, branch: str = "main") -> str:
    return _git(repository, "rev-parse", branch)


def _git(repository: Repository, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repository.bare, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_image_changes_by_one_line_of_a_commit(repository: Repository, run: Run) -> None:
    first = repository.commit("first", {"apps/job.yaml": JOB, "README.md": "x"})
    where = ("--repo", str(repository.bare), "--path", "apps")
    code, text = run("set", "orders", *where, "--image", "registry/orders:2", "--dry-run")
    assert code == 1 and "+  image: registry/orders:2   # set by CI" in text
    assert head(repository) == first
    code, text = run("set", "orders", *where, "--image", "registry/orders:2", "--parallelism", "3")
    assert code == 0 and "Set image to registry/orders:2, parallelism to 3 of orders" in text
    assert _git(repository, "show", "main:apps/job.yaml") + "\n" == JOB.replace("orders:1", "orders:2").replace(
        "parallelism: 1", "parallelism: 3"
    )
    assert _git(repository, "rev-parse", "main^") == first
    assert _git(repository, "diff", "--stat", "main^", "main").splitlines()[-1].strip().startswith("1 file changed, 2 ")
    code, text = run("set", "orders", *where, "--image", "registry/orders:2")
    assert code == 0 and "is so already" in text


def test_arguments_are_not_in_the_message(repository: Repository, run: Run) -> None:
    repository.commit("first", {"apps/job.yaml": JOB})
    code, _ = run(
        "set", "FlinkDeployment/orders", "--repo", str(repository.bare), "--arg", "--password", "--arg", "s3cr3t"
    )
    assert code == 0
    assert "s3cr3t" not in _git(repository, "log", "-1", "--format=%B", "main")
    assert '["--password", "s3cr3t"]' in _git(repository, "show", "main:apps/job.yaml")


def test_an_image_of_a_kustomization_is_set_there(repository: Repository, run: Run) -> None:
    files = {"base/kustomization.yaml": BASE, "base/job.yaml": JOB, "prod/kustomization.yaml": OVERLAY}
    files["base/config.yaml"] = (
        "images:\n- path: spec/image\n  kind: FlinkDeployment\n"  # kustomize: where images of our kind are
    )
    files["base/kustomization.yaml"] = BASE + "configurations: [config.yaml]\n"
    files["prod/kustomization.yaml"] = OVERLAY + "configurations: [../base/config.yaml]\n"
    files["prod/config.yaml"] = files["base/config.yaml"]
    files["prod/kustomization.yaml"] = OVERLAY + "configurations: [config.yaml]\n"
    repository.commit("first", dict(files))
    where = ("--repo", str(repository.bare), "--path", "prod")
    code, text = run("set", "orders", *where, "--image", "registry/orders:7")
    assert code == 0, text
    assert "newTag: '7'  # set by CI" in _git(repository, "show", "main:prod/kustomization.yaml")
    assert "orders:1" in _git(repository, "show", "main:base/job.yaml")
    code, text = run("set", "orders", *where, "--image", "elsewhere/orders:8")
    assert code == 3 and "sets only the tag of registry/orders" in text


def test_what_something_else_overrides_is_refused(repository: Repository, run: Run) -> None:
    patch = "- patch: '- {op: replace, path: /spec/job/parallelism, value: 9}'\n  target: {kind: FlinkDeployment}\n"
    files = {"base/kustomization.yaml": BASE, "base/job.yaml": JOB}
    files["prod/kustomization.yaml"] = f"resources: [../base]\npatches:\n{patch}"
    first = repository.commit("first", dict(files))
    code, text = run("set", "orders", "--repo", str(repository.bare), "--path", "prod", "--parallelism", "4")
    assert code == 3 and "spec.job.parallelism of orders is overridden somewhere else" in text
    assert head(repository) == first


def test_a_change_can_go_to_a_branch_for_review(repository: Repository, run: Run) -> None:
    first = repository.commit("first", {"apps/job.yaml": JOB})
    where = ("--repo", str(repository.bare), "--image", "registry/orders:2")
    assert run("set", "orders", *where, "--push-to", "bump", "-m", "Bump orders")[0] == 0
    assert head(repository) == first
    assert _git(repository, "log", "-1", "--format=%s", "bump") == "Bump orders"


def test_bad_requests_are_named(repository: Repository, run: Run) -> None:
    repository.commit("first", {"apps/job.yaml": JOB})
    where = ("--repo", str(repository.bare))
    assert run("set", "orders", *where)[0] == 2
    code, text = run("set", "payments", *where, "--image", "a:1")
    assert code == 3 and "has no Flink job 'payments'; there are: FlinkDeployment/orders" in text
    code, text = run("set", "orders", *where, "--branch", "gone", "--image", "a:1")
    assert code == 3 and "gone" in text
