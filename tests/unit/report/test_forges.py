"""What forges are asked and what their answers mean, as their public API documentation has it."""

from datetime import UTC, datetime

import pytest

from gitsync.model import commitstatuses
from gitsync.model.commitstatuses import CommitStatus, State
from gitsync.model.records import Phase, Record
from gitsync.report import forges
from gitsync.report.deliveries import Accepted, Answer, Later, Refused
from gitsync.report.forges import Forge

SHA = "a" * 40
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STATUS = CommitStatus(SHA, "gitsync/prod/orders", State.SUCCESS, "stable: every job runs")


def record(phase: Phase, message: str = "") -> Record:
    return Record("prod", "orders", SHA, phase, phase.name, message, NOW)


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.PENDING, ("pending", "pending", "pending")),
        (Phase.APPLIED, ("pending", "running", "pending")),
        (Phase.RUNNING, ("success", "success", "success")),
        (Phase.STABLE, ("success", "success", "success")),
        (Phase.FAILED, ("failure", "failed", "failure")),
        (Phase.SUPERSEDED, ("error", "canceled", "warning")),
    ],
)
def test_every_phase_has_a_word_at_every_forge(phase: Phase, words: tuple[str, ...]) -> None:
    status = commitstatuses.of_record(record(phase))
    made = [forges.request(Forge(kind, "https://x", "t"), "https://x/team/jobs", status) for kind in forges.KINDS]
    assert tuple(one.body["state"] for one in made) == words


def test_a_line_is_short_and_holds_no_secret() -> None:
    status = commitstatuses.of_record(record(Phase.FAILED, "password=hunter2 " + "x" * 300))
    assert status.context == "gitsync/prod/orders"
    assert status.description.startswith("failed: password=***")
    assert len(status.description) == 140


def test_github() -> None:
    forge = Forge("github", "https://api.github.com", "t0ken")
    made = forges.request(forge, "git@github.com:team/jobs.git", STATUS)
    assert made.url == f"https://api.github.com/repos/team/jobs/statuses/{SHA}"
    assert made.headers == {
        "Accept": "application/vnd.github+json",
        "Authorization": "Bearer t0ken",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    assert made.body == {
        "state": "success",
        "description": "stable: every job runs",
        "context": "gitsync/prod/orders",
    }


def test_gitlab_names_the_project_by_its_whole_path() -> None:
    forge = Forge("gitlab", "https://gitlab.com/api/v4", "t0ken")
    made = forges.request(forge, "https://gitlab.com/group/sub/jobs.git", STATUS)
    assert made.url == f"https://gitlab.com/api/v4/projects/group%2Fsub%2Fjobs/statuses/{SHA}"
    assert made.headers == {"PRIVATE-TOKEN": "t0ken"}
    assert made.body == {"state": "success", "description": "stable: every job runs", "name": "gitsync/prod/orders"}


def test_gitea() -> None:
    forge = Forge("gitea", "https://git.example.org/api/v1", "t0ken")
    made = forges.request(forge, "https://git.example.org/team/jobs", STATUS)
    assert made.url == f"https://git.example.org/api/v1/repos/team/jobs/statuses/{SHA}"
    assert made.headers["Authorization"] == "token t0ken"
    assert made.body["context"] == "gitsync/prod/orders"


@pytest.mark.parametrize(
    ("url", "kind", "api"),
    [
        ("https://github.com/team/jobs.git", "github", "https://api.github.com"),
        ("git@github.example.org:team/jobs.git", "github", "https://github.example.org/api/v3"),
        ("https://gitlab.com/team/jobs", "gitlab", "https://gitlab.com/api/v4"),
        ("https://git.example.org:3000/team/jobs", "gitea", "https://git.example.org:3000/api/v1"),
        ("ssh://git@git.example.org:2222/team/jobs", "gitea", "https://git.example.org/api/v1"),
    ],
)
def test_the_api_follows_from_the_repository(url: str, kind: str, api: str) -> None:
    secret = {"type": kind, "url": f"https://{forges.urls.host_of(url)}/team", "token": "t"}
    found = forges.choose(url, [secret])
    assert found is not None and (found.kind, found.api) == (kind, api)


def test_the_longest_url_that_fits_wins_and_no_other_team_gets_the_key() -> None:
    near = {"type": "github", "url": "https://github.com/team/jobs", "token": "near"}
    far = {"type": "github", "url": "https://github.com/team", "token": "far", "api": "https://ghe.example.org/api/v3/"}
    found = forges.choose("git@github.com:Team/jobs.git", [far, near])
    assert found is not None and found.token == "near"
    other = forges.choose("https://github.com/team/other", [far, near])
    assert other is not None and (other.token, other.api) == ("far", "https://ghe.example.org/api/v3")
    assert forges.choose("https://github.com/teams/jobs", [far, near]) is None
    assert forges.choose("https://evil.example.org/github.com/team/jobs", [far, near]) is None
    assert forges.choose("https://github.com/team/jobs", [{**near, "type": "bitbucket"}]) is None
    assert "near" not in repr(found), "a token is never shown"


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, 1000.0)


GITHUB, GITLAB = Forge("github", "https://api", "t"), Forge("gitlab", "https://api", "t")


@pytest.mark.parametrize(
    ("forge", "given", "seconds"),
    [
        (GITHUB, answer(429, retry_after="17"), 17.0),
        (GITHUB, answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1300"), 300.0),
        (GITLAB, answer(429, ratelimit_remaining="0", ratelimit_reset="1060"), 60.0),
        (GITHUB, answer(503, retry_after="Thu, 01 Jan 1970 00:20:00 GMT"), 200.0),
        (GITHUB, answer(502), None),
        (GITHUB, answer(429, retry_after="soon"), None),
    ],
)
def test_a_forge_that_asks_to_wait_is_waited_for(forge: Forge, given: Answer, seconds: float | None) -> None:
    verdict = forges.judge(forge, given)
    assert isinstance(verdict, Later) and verdict.seconds == seconds


@pytest.mark.parametrize(
    ("forge", "given", "said"),
    [
        (GITHUB, answer(401), "renew it in the Secret"),
        (GITHUB, answer(403), "repo:status"),
        (GITLAB, answer(404), "no such repository for its token"),
        (GITHUB, answer(422), "does not know the commit, or has 1000 statuses"),
        (GITLAB, answer(400, "bad"), "was not understood"),
    ],
)
def test_a_refusal_says_what_to_do(forge: Forge, given: Answer, said: str) -> None:
    verdict = forges.judge(forge, given)
    assert isinstance(verdict, Refused) and said in verdict.why


def test_what_is_there_already_is_taken() -> None:
    assert forges.judge(GITHUB, answer(201)) == Accepted()
    text = '{"message":"Cannot transition status via :run from :running"}'
    assert forges.judge(GITLAB, answer(400, text)) == Accepted()
