"""The status branch of real repositories: one ledger per app, one page, any number of writers."""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_repositories import Repository, run_git

from gitsync.git import commands, mirrors, pushes
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.model.telling import Story
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object

BRANCH = "gitsync/status/demo"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def mirror_of(repository: Repository, directory: Path) -> mirrors.Mirror:
    mirror = mirrors.Mirrors(directory).get(repository.url)
    mirror.resolve("main")
    return mirror


def record(sha: str, app: str = "orders", phase: Phase = Phase.RUNNING, second: int = 0, message: str = "") -> Record:
    job = JobRecord("FlinkDeployment", "default", app, "create", "abc", "", f"file:/sp/{app}")
    time = datetime(2026, 11, 21, 9, 0, second, tzinfo=UTC)
    return Record("demo", app, sha, phase, phase.name.capitalize(), message, time, (job,))


def write(mirror: mirrors.Mirror, *news: Record, told: pushes.Told | None = None) -> bool:
    return pushes.write(mirror, "demo", news, branch=True, told=told)


def shown(repository: Repository, file: str) -> str:
    return run_git("show", f"{BRANCH}:{file}", at=repository.bare)


def ledger(repository: Repository, app: str = "orders") -> Object:
    value: Object = json.loads(shown(repository, f"apps/{app}.json"))
    return value


def phases(repository: Repository, app: str = "orders") -> list[str]:
    return [
        f"{commit['subject']} {one['phase']}"
        for commit in ledger(repository, app)["commits"]
        for one in commit["records"]
    ]


def noted(repository: Repository, sha: str) -> list[str]:
    text = run_git("notes", "--ref=refs/notes/gitsync/demo", "show", sha, at=repository.bare)
    return [f"{one['app']} {one['phase']}" for one in map(json.loads, text.splitlines())]


def count(repository: Repository, ref: str = BRANCH) -> int:
    return int(run_git("rev-list", "--count", ref, at=repository.bare))


def test_a_ledger_and_a_page_for_every_app(repository: Repository, tmp_path: Path) -> None:
    one = repository.commit({"a": "1"}, "Create | everything")
    two = repository.commit({"a": "2"}, "More workers")
    mirror = mirror_of(repository, tmp_path / "m")
    assert write(mirror, record(one, phase=Phase.STABLE), record(one, "fraud", Phase.FAILED, 1, "no <b>image</b>"))
    assert write(mirror, record(two, phase=Phase.RUNNING, second=5))
    assert phases(repository) == ["More workers running", "Create | everything stable"]
    assert [one["location"] for one in ledger(repository)["snapshots"]] == ["file:/sp/orders"]
    page = shown(repository, "README.md")
    assert "2 apps: 1 🟢 running, 1 ❌ failed" in page
    assert f"| [orders](apps/orders.json) | 🟢 running | `{two[:7]}` More workers | 2026-11-21 09:00 |" in page
    assert "Failed: no \\<b\\>image\\</b\\>" in page
    assert "Create \\| everything" in page
    author = run_git("log", "-1", "--format=%an %s", BRANCH, at=repository.bare)
    assert author == f"gitsync orders running at {two[:7]} [skip ci]"
    assert noted(repository, two) == ["orders running"]


def test_notes_and_branch_travel_in_one_push(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    ran: list[str] = []
    run = commands.Commands.run

    def counted(
        self: commands.Commands, directory: Path | None, arguments: tuple[str, ...], call: commands.Call | None = None
    ) -> commands.Output:
        ran.append(arguments[0])
        return run(self, directory, arguments, call)

    monkeypatch.setattr(commands.Commands, "run", counted)
    assert write(mirror, record(sha))
    assert [one for one in ran if one in ("push", "fetch", "fast-import")] == ["fetch", "fast-import", "push"]
    assert not write(mirror, record(sha, second=9))
    assert ran.count("push") == 1


def test_the_branch_has_no_part_in_following(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    write(mirror, record(sha))
    assert set(mirror.refresh().names) == {"refs/heads/main"}
    assert mirror.resolve("main").sha == sha
    with pytest.raises(Stalled) as caught:
        mirror.resolve(BRANCH)
    assert caught.value.reason is Reason.RevisionNotFound
    assert run_git("merge-base", "--all", "main", "main", at=repository.bare) == sha
    assert run_git("log", "--format=%H", f"main..{BRANCH}", at=repository.bare).count("\n") == 0
    assert write(mirror, record(sha, phase=Phase.STABLE, second=1)), "a fetch of main must not lose the branch"
    assert count(repository) == 2


def test_writers_at_the_same_time_lose_nothing(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"}, "First")
    writers = [mirror_of(repository, tmp_path / f"m{number}") for number in range(3)]
    problems: list[BaseException] = []
    start = threading.Barrier(3)

    def work(number: int) -> None:
        told = pushes.Told()
        try:
            start.wait(30)
            for turn, phase in enumerate((Phase.APPLIED, Phase.RUNNING, Phase.STABLE)):
                write(writers[number], record(sha, f"app-{number}", phase, turn), told=told)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert "3 apps: 3 ✅ stable" in shown(repository, "README.md")
    for number in range(3):
        assert phases(repository, f"app-{number}") == ["First stable", "First running", "First applied"]
    assert len(noted(repository, sha)) == 9


def test_what_others_put_there_stays(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    write(mirror_of(repository, tmp_path / "m"), record(sha))
    repository.git("fetch", "--quiet", "origin", BRANCH)
    repository.git("checkout", "--quiet", "-B", BRANCH, "FETCH_HEAD")
    newer = '{"v": 2, "shape": "unknown"}\n'
    repository.commit({"notes.txt": "by hand", "apps/other.json": newer, "README.md": "# rewritten\n"})
    write(mirror_of(repository, tmp_path / "m2"), record(sha, "fraud", second=3), record(sha, "other", second=3))
    assert shown(repository, "notes.txt") == "by hand"
    assert json.loads(shown(repository, "apps/other.json")) == json.loads(newer)
    page = shown(repository, "README.md")
    assert "[orders](apps/orders.json)" in page and "[fraud](apps/fraud.json)" in page, "made anew from the ledgers"


def test_a_writer_that_just_started_continues_every_story(repository: Repository, tmp_path: Path) -> None:
    one, two = repository.commit({"a": "1"}, "One"), repository.commit({"a": "2"}, "Two")
    write(mirror_of(repository, tmp_path / "m"), record(one, phase=Phase.APPLIED))
    write(mirror_of(repository, tmp_path / "m2"), record(two, phase=Phase.STABLE, second=5))
    assert phases(repository) == ["Two stable", "One superseded", "One applied"]
    assert noted(repository, one) == ["orders applied", "orders superseded"]
    assert not write(mirror_of(repository, tmp_path / "m3"), record(two, phase=Phase.APPLIED, second=9))
    assert not write(mirror_of(repository, tmp_path / "m4"), record(two, phase=Phase.RUNNING, second=9))
    assert phases(repository)[0] == "Two stable"


def test_without_the_branch_the_story_is_read_from_notes(repository: Repository, tmp_path: Path) -> None:
    one, two = repository.commit({"a": "1"}), repository.commit({"a": "2"})
    pushes.write(mirror_of(repository, tmp_path / "m"), "demo", [record(one, phase=Phase.APPLIED)], branch=False)
    later = mirror_of(repository, tmp_path / "m2")
    pushes.write(later, "demo", [record(two, phase=Phase.RUNNING, second=5)], branch=False)
    assert noted(repository, one) == ["orders applied", "orders superseded"]
    assert "gitsync" not in run_git("for-each-ref", "refs/heads", at=repository.bare)


@pytest.mark.parametrize(("hidden", "open_"), [("refs/heads/gitsync", "notes"), ("refs/notes", "branch")])
def test_one_ref_that_is_forbidden_does_not_keep_the_other(
    repository: Repository, tmp_path: Path, hidden: str, open_: str
) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    run_git("config", "receive.hideRefs", hidden, at=repository.bare)
    told = pushes.Told()
    with pytest.raises(Stalled, match=f"not allowed to push {hidden}") as caught:
        write(mirror, record(sha), told=told)
    assert caught.value.reason is Reason.PushForbidden
    if open_ == "notes":
        assert noted(repository, sha) == ["orders running"]
    else:
        assert phases(repository) == ["Change running"]
    run_git("config", "--unset", "receive.hideRefs", at=repository.bare)
    assert write(mirror, record(sha), told=told)
    assert noted(repository, sha) == ["orders running"]
    assert phases(repository) == ["Change running"]


def test_a_branch_in_the_way_is_named(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    repository.git("push", "--quiet", "origin", "HEAD:refs/heads/gitsync")
    mirror = mirror_of(repository, tmp_path / "m")
    with pytest.raises(Stalled, match="the branch 'gitsync' is in its way") as caught:
        write(mirror, record(sha))
    assert caught.value.reason is Reason.PushForbidden
    assert noted(repository, sha) == ["orders running"]


def test_a_branch_that_was_deleted_or_rewritten_begins_anew(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    write(mirror, record(sha))
    run_git("update-ref", "-d", f"refs/heads/{BRANCH}", at=repository.bare)
    told: Mapping[str, Record | None] = {}
    assert write(mirror, record(sha, phase=Phase.STABLE, second=3), told=pushes.Told(dict(told)))
    assert phases(repository) == ["Change stable"]
    assert count(repository) == 1


def test_commits_between_two_syncs_get_their_end(repository: Repository, tmp_path: Path) -> None:
    one, two = repository.commit({"a": "1"}, "One"), repository.commit({"a": "2"}, "Two")
    other, three = repository.commit({"b": "1"}, "Other"), repository.commit({"a": "3"}, "Three")
    four = repository.commit({"a": "4"}, "Four")
    mirror = mirror_of(repository, tmp_path / "m")
    told = pushes.Told(stories={"orders": Story(paths=("a",))})
    write(mirror, record(one), told=told)
    write(mirror, record(four, second=5), told=told)
    assert phases(repository) == ["Four running", "Three superseded", "Two superseded", "One running"]
    assert (noted(repository, two), noted(repository, three)) == (["orders superseded"], ["orders superseded"])
    listed = run_git("notes", "--ref=refs/notes/gitsync/demo", "list", at=repository.bare)
    assert other not in listed, "a commit that changed nothing of the app is none of its own"
    write(mirror, record(two, second=9), told=told)
    write(mirror, record(four, second=12), told=told)
    assert noted(repository, three) == ["orders superseded"]
    assert noted(repository, two) == ["orders superseded", "orders running"], "going back and forth passes over nothing"


def test_a_deleted_app_keeps_its_ledger_and_says_so_until_it_comes_back(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    told = pushes.Told()
    write(mirror, record(sha), record(sha, "fraud"), told=told)
    told.removed["fraud"] = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert write(mirror, told=told)
    assert told.removed == {}
    assert ledger(repository, "fraud")["removed"] == "2026-11-21T10:00:00.000Z"
    assert ledger(repository, "fraud")["snapshots"], "its savepoints can still be found"
    assert "2 apps: 1 🟢 running, 1 🗑️ removed" in shown(repository, "README.md")
    assert run_git("log", "-1", "--format=%s", BRANCH, at=repository.bare).strip() == "fraud removed [skip ci]"
    assert not write(mirror, told=told)
    again = record(sha, "fraud").__class__(
        "demo", "fraud", sha, Phase.RUNNING, "Running", "", datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    )
    write(mirror, again, told=pushes.Told())
    assert "removed" not in ledger(repository, "fraud")
    assert "2 apps: 2 🟢 running" in shown(repository, "README.md")


def test_an_app_that_wants_no_page_has_none(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    write(mirror, record(sha), record(sha, "fraud"))
    told = pushes.Told(stories={"fraud": Story(branch=False)})
    write(mirror, record(sha, "fraud", Phase.STABLE, 5), told=told)
    assert run_git("ls-tree", "--name-only", f"{BRANCH}:apps", at=repository.bare).split() == ["orders.json"]
    assert "1 app: 1 🟢 running" in shown(repository, "README.md")
    assert sorted(noted(repository, sha)) == ["fraud running", "fraud stable", "orders running"]


def test_many_apps_cost_few_processes_and_only_changed_rows(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    write(mirror, *(record(sha, f"app-{number:03}") for number in range(200)))
    assert "200 apps: 200 🟢 running" in shown(repository, "README.md")
    started: list[str] = []
    local = mirrors.Mirror.local

    def counted(self: mirrors.Mirror, *arguments: str, stdin: bytes | None = None, quiet: bool = False) -> bytes:
        started.append(arguments[0])
        return local(self, *arguments, stdin=stdin, quiet=quiet)

    monkeypatch.setattr(mirrors.Mirror, "local", counted)
    news = [record(sha, f"app-{number:03}", Phase.STABLE, 7) for number in range(50)]
    assert write(mirror, *news, told=pushes.Told({one.app: None for one in news}))
    assert len(started) <= 10, started
    assert "200 apps: 150 🟢 running, 50 ✅ stable" in shown(repository, "README.md")
