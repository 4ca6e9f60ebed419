"""The ledger of an app and the page of a cluster: bounded, newest first, and nobody's markup."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.model import ledgers, records, statuspages
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.model.revisions import Revision
from operator_core.jsonvalues import Object

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
A, B, C = "a" * 40, "b" * 40, "c" * 40


def record(
    sha: str,
    phase: Phase,
    second: int = 0,
    *,
    app: str = "orders",
    message: str = "",
    restored: str = "",
    save: str = "",
) -> Record:
    job = JobRecord("FlinkDeployment", "default", "orders", "upgrade-savepoint", "j1", restored, save)
    return Record("demo", app, sha, phase, phase.name.capitalize(), message, START + timedelta(seconds=second), (job,))


def revision(sha: str, subject: str) -> Revision:
    return Revision("https://example.org/team/jobs.git", "main", sha, START, "Ada", subject)


def content(text: str) -> Object:
    value: Object = json.loads(text)
    return value


def test_a_ledger_has_its_commits_and_their_records_newest_first() -> None:
    text = ledgers.updated("", [record(A, Phase.APPLIED), record(A, Phase.RUNNING, 1)], {A: revision(A, "One")})
    text = ledgers.updated(text, [record(B, Phase.FAILED, 2, message="image unknown")], {B: revision(B, "Two")})
    found = content(text)
    assert (found["v"], found["cluster"], found["app"]) == (1, "demo", "orders")
    assert [(one["revision"], one["subject"], one["phase"]) for one in found["commits"]] == [
        (B, "Two", "failed"),
        (A, "One", "running"),
    ]
    assert [one["phase"] for one in found["commits"][1]["records"]] == ["running", "applied"]
    assert found["commits"][0]["records"][0] == record(B, Phase.FAILED, 2, message="image unknown").to_json()
    assert found["commits"][1]["author"] == "Ada"


@pytest.mark.parametrize("told", list(itertools.permutations((A, B, C))))
def test_commits_of_one_second_come_in_the_order_they_were_told_of(told: tuple[str, ...]) -> None:
    one, two, three = told
    described = {sha: revision(sha, sha) for sha in told}
    text = ledgers.updated("", [record(one, Phase.SUPERSEDED), record(two, Phase.SUPERSEDED)], described)
    assert [each["revision"] for each in content(text)["commits"]] == [two, one]
    text = ledgers.updated(text, [record(three, Phase.SUPERSEDED)], described)
    assert [each["revision"] for each in content(text)["commits"]] == [three, two, one]


def test_what_is_told_changes_nothing() -> None:
    text = ledgers.updated("", [record(A, Phase.RUNNING)], {})
    assert ledgers.updated(text, [record(A, Phase.RUNNING, 9)], {A: revision(A, "One")}) == text
    assert ledgers.updated(text, [record(A, Phase.RUNNING, -9, message="older")], {}) == text
    assert ledgers.updated(text, [], {}) == text


def test_a_snapshot_says_whose_state_it_holds_and_outlives_its_commit() -> None:
    text = ledgers.updated("", [record(A, Phase.STABLE, save="file:/sp/manual")], {})
    text = ledgers.updated(text, [record(B, Phase.RUNNING, 5, restored="file:/sp/1", save="file:/sp/1")], {})
    found = {one["location"]: one["stateOf"] for one in content(text)["snapshots"]}
    assert found == {"file:/sp/1": A, "file:/sp/manual": A}
    for number in range(ledgers.MOST_COMMITS + 5):
        text = ledgers.updated(text, [record(f"{number:040}", Phase.STABLE, 10 + number)], {})
    final = content(text)
    assert len(final["commits"]) == ledgers.MOST_COMMITS
    assert {one["location"]: one["stateOf"] for one in final["snapshots"]} == found
    for number in range(ledgers.MOST_SNAPSHOTS + 5):
        text = ledgers.updated(text, [record(C, Phase.STABLE, 100 + number, save=f"file:/sp/s{number}")], {})
    assert len(content(text)["snapshots"]) == ledgers.MOST_SNAPSHOTS
    assert content(text)["snapshots"][0]["location"] == f"file:/sp/s{ledgers.MOST_SNAPSHOTS + 4}"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', '{"commits": 3}', '{"v": 1, "commits": [{"records": [1, {}]}]}']
)
def test_what_is_no_ledger_is_begun_anew(text: str) -> None:
    found = content(ledgers.updated(text, [record(A, Phase.RUNNING)], {}))
    assert [one["revision"] for one in found["commits"]] == [A]


def test_a_newer_format_is_left_alone() -> None:
    newer = '{"v": 2, "commits": "elsewhere"}'
    assert ledgers.updated(newer, [record(A, Phase.RUNNING)], {}) == newer
    assert ledgers.parse(newer, "demo", "orders").latest is None


@given(st.permutations([record(A, Phase.APPLIED), record(A, Phase.STABLE, 2), record(B, Phase.PENDING, 3)]))
def test_writers_that_know_the_same_write_the_same(order: list[Record]) -> None:
    text = ""
    for one in order:
        text = ledgers.updated(text, [one], {})
    assert text == ledgers.updated(
        "", [record(A, Phase.APPLIED), record(A, Phase.STABLE, 2), record(B, Phase.PENDING, 3)], {}
    )


def test_how_an_app_is_follows_from_the_newest_commit_and_not_from_the_overtaken_one() -> None:
    overtaken, newer = record(A, Phase.SUPERSEDED, 4), record(B, Phase.PENDING, 4)
    assert records.latest([overtaken, newer, record(A, Phase.APPLIED)]) == newer
    assert records.latest([overtaken]) == overtaken
    assert records.latest([]) is None


def page(*told: Record, repository: str = "https://example.org/team/jobs.git", subject: str = "One") -> str:
    parsed = []
    for app in {one.app for one in told}:
        own = [one for one in told if one.app == app]
        described = {one.revision: revision(one.revision, subject) for one in own}
        parsed.append(ledgers.parse(ledgers.updated("", own, described), "demo", app))
    return statuspages.readme("demo", {}, parsed, repository)


def test_the_page_is_a_table_that_reads_well() -> None:
    text = page(record(A, Phase.STABLE), record(B, Phase.FAILED, 60, app="fraud", message="image unknown"))
    assert text.splitlines()[:8] == [
        "# demo",
        "",
        "2 apps: 1 ✅ stable, 1 ❌ failed",
        "",
        "| App | State | Commit | Since (UTC) | What |",
        "|---|---|---|---|---|",
        f"| [fraud](apps/fraud.json) | ❌ failed | [`bbbbbbb`](https://example.org/team/jobs/commit/{B}) One "
        "| 2026-11-21 09:01 | Failed: image unknown |",
        f"| [orders](apps/orders.json) | ✅ stable | [`aaaaaaa`](https://example.org/team/jobs/commit/{A}) One "
        "| 2026-11-21 09:00 | orders: upgrade-savepoint |",
    ]


def test_rows_that_nothing_is_new_of_stay() -> None:
    first = page(record(A, Phase.STABLE), record(A, Phase.RUNNING, app="fraud"))
    known = statuspages.rows(first)
    assert set(known) == {"orders", "fraud"}
    changed = ledgers.parse(ledgers.updated("", [record(B, Phase.FAILED, app="fraud")], {}), "demo", "fraud")
    second = statuspages.readme("demo", known, [changed], "")
    assert known["orders"] in second
    assert "| [fraud](apps/fraud.json) | ❌ failed | `bbbbbbb` |" in second
    assert statuspages.rows("# something else\n") == {}


@pytest.mark.parametrize(
    "subject", ["a | b", "<img src=x onerror=alert(1)>", "[x](javascript:1)", "`code` *b*", "a\nb | c"]
)
def test_what_people_write_is_no_markup(subject: str) -> None:
    text = page(record(A, Phase.FAILED, message=subject), subject=subject)
    row = next(line for line in text.splitlines() if line.startswith("| [orders]"))
    plain = row.replace("\\\\", "").replace("\\|", "").replace("\\<", "").replace("\\`", "").replace("\\[", "")
    assert plain.count("|") == 6
    assert "<" not in plain
    assert plain.count("[") == 2
    assert plain.count("`") == 2


def test_no_secret_reaches_the_page() -> None:
    text = page(record(A, Phase.FAILED, message="cannot read https://bob:hunter2@example.org: password=hunter3"))
    assert "hunter" not in text


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("https://example.org/team/jobs.git", f"https://example.org/team/jobs/commit/{A}"),
        ("http://git.local:3000/a/b", f"http://git.local:3000/a/b/commit/{A}"),
        ("git@example.org:team/jobs.git", f"https://example.org/team/jobs/commit/{A}"),
        ("ssh://git@example.org:22/team/jobs.git", f"https://example.org/team/jobs/commit/{A}"),
        ("ssh://git@example.org/team/jobs", f"https://example.org/team/jobs/commit/{A}"),
        ("/srv/git/jobs.git", ""),
        ("file:///srv/git/jobs.git", ""),
        ("https://example.org/a b)c", ""),
    ],
)
def test_commits_are_linked_where_the_repository_is_a_forge_s(repository: str, expected: str) -> None:
    assert statuspages.commit_link(repository, A) == expected


def test_files_of_apps_stay_in_their_directory() -> None:
    assert statuspages.file_of("../../etc/x") == "apps/..%2F..%2Fetc%2Fx.json"
    assert statuspages.app_of(statuspages.file_of("a/b")) == "a/b"
    assert statuspages.app_of("README.md") == statuspages.app_of("apps/deep/x.json") == ""


def test_the_ledger_of_a_deleted_app_stays_and_opens_again() -> None:
    text = ledgers.updated("", [record(A, Phase.STABLE, 5)], {})
    early, late = START, START + timedelta(seconds=9)
    assert ledgers.closed(text, early) == text, "a record is newer than the deletion"
    closed = ledgers.closed(text, late)
    assert ledgers.parse(closed, "demo", "orders").removed == records.stamp(late)
    assert ledgers.closed(closed, late + timedelta(hours=1)) == closed
    assert ledgers.updated(closed, [record(A, Phase.STABLE, 7)], {}) == closed
    again = ledgers.updated(closed, [record(A, Phase.STABLE, 10)], {})
    assert ledgers.parse(again, "demo", "orders").removed == ""
    assert ledgers.closed("not a ledger", late) == "not a ledger"
    assert ledgers.closed('{"v": 99}', late) == '{"v": 99}'
