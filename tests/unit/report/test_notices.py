"""What is worth a message, to whom, and that nothing is told twice."""

import json
from datetime import UTC, datetime
from typing import Literal

import pytest

from gitsync.model.identities import AppName
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.model.syncstatuses import Condition, Status, Told
from gitsync.report import chats, notices
from gitsync.report.chats import Listener
from gitsync.report.deliveries import Accepted, Answer, Later, Refused
from gitsync.report.notices import Notice, Where
from gitsync.web import signatures

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
WHERE = Where(AppName("gitsync-system", "orders"), "prod", "https://bob:s3cr3t@example.org/team/jobs")
JOB = JobRecord("FlinkDeployment", "jobs", "orders", "upgrade-savepoint")


def record(phase: Phase, sha: str = "a", message: str = "") -> Record:
    return Record("prod", "orders", sha * 40, phase, phase.name, message, NOW, (JOB,))


def status(ready: Literal["True", "False"], reason: str, told: Told | None = None) -> Status:
    condition = Condition(type="Ready", status=ready, reason=reason, message="m", last_transition_time="t")
    return Status(conditions=(condition,), told=told)


def story(*steps: tuple[Status, Record | None]) -> list[str]:
    """The events told when these statuses and records follow each other; the agent starts anew between any two."""
    events: list[str] = []
    old = Status()
    for bare, one in steps:
        new = bare.model_copy(update={"told": notices.told(old.told, one, bare, NOW)})
        new = Status.model_validate(new.to_json())
        events += [notice.event for notice in notices.between(WHERE, old, new, one, NOW)]
        old = new
    return events


READY, APPLYING = status("True", "Synced"), status("False", "Applying")
BROKEN, AWAY = status("False", "RenderFailed"), status("False", "RepositoryUnreachable")
P = Phase


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(APPLYING, record(P.APPLIED)), (READY, record(P.RUNNING)), (READY, record(P.STABLE))],
         ["applied", "running", "stable"]),
        ([(READY, record(P.STABLE)), (APPLYING, record(P.APPLIED)), (READY, record(P.STABLE))], ["stable"]),
        ([(READY, record(P.STABLE)), (BROKEN, record(P.FAILED, "b")), (BROKEN, record(P.FAILED, "b"))],
         ["stable", "failed", "not-ready"]),
        ([(BROKEN, record(P.FAILED)), (APPLYING, record(P.APPLIED, "b")), (READY, record(P.STABLE, "b"))],
         ["failed", "not-ready", "applied", "stable", "ready"]),
        ([(READY, record(P.STABLE)), (AWAY, None), (AWAY, None), (READY, record(P.STABLE))],
         ["stable", "not-ready", "ready"]),
    ],
    ids=["a commit", "a job that recovers", "a broken commit", "healed by the next", "a repository that is away"],
)  # fmt: skip
def test_each_thing_is_told_once(steps: list[tuple[Status, Record | None]], expected: list[str]) -> None:
    assert story(*steps) == expected


def notice(event: str = "failed", message: str = "image <unknown> & token=abc") -> Notice:
    return Notice(event, WHERE, "a" * 40, "Degraded", message, NOW)


def listener(**fields: str) -> Listener:
    found = chats.read("ops", {"type": "slack", "url": "https://hooks.slack.com/services/T/B/x", **fields})
    assert isinstance(found, Listener)
    return found


def test_slack_gets_one_line_without_markup_or_secrets() -> None:
    made = chats.request(listener(), notice())
    assert made.url == "https://hooks.slack.com/services/T/B/x"
    assert made.body == {"text": "❌ prod/orders: failed at aaaaaaa: image &lt;unknown&gt; &amp; token=***"}
    bot = chats.request(listener(url="", token="xoxb-1", channel="#ops"), notice())
    assert (bot.url, bot.headers) == ("https://slack.com/api/chat.postMessage", {"Authorization": "Bearer xoxb-1"})
    assert bot.body["channel"] == "#ops"


def test_a_webhook_gets_the_notice_and_can_check_who_sent_it() -> None:
    made = chats.request(listener(type="webhook", secret="0123456789"), notice())
    assert made.body["event"] == "failed" and made.body["repository"] == "https://example.org/team/jobs"
    assert signatures.is_valid(made.headers["X-Signature"], made.content, b"0123456789")
    assert json.loads(made.content)["text"].startswith("❌ prod/orders")


def test_a_template_chooses_the_words() -> None:
    template = "{{ .app }} of {{ .cluster }}: {{ .event }}{{ range .jobs }} {{ .name }}{{ end }}"
    found = Notice("stable", WHERE, "a" * 40, "Stable", "", NOW, tuple(record(P.STABLE).to_json()["jobs"]))
    assert chats.text(found, template) == "orders of prod: stable orders"
    with pytest.raises(ValueError, match="nothing"):
        chats.text(found, "{{ .nothing }}")


def test_who_hears_of_what() -> None:
    assert listener().wants(notice("failed")) and listener().wants(notice("not-ready"))
    assert not listener().wants(notice("stable"))
    assert listener(on="stable, failed").wants(notice("stable"))
    assert not listener(apps="fraud-*, web").wants(notice())
    assert listener(apps="or*").wants(notice())
    assert "x" not in repr(listener()).replace("hooks", ""), "an incoming webhook's URL is a key"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"type": "mail"}, "known are slack and webhook"),
        ({"type": "slack"}, "give the url of an incoming webhook, or token and channel"),
        ({"type": "webhook", "url": "ftp://x"}, "url has to begin with https://"),
        ({"type": "webhook", "url": "https://x", "on": "failed,often"}, "on names often"),
    ],
)
def test_a_secret_that_cannot_be_used_says_why(fields: dict[str, str], wrong: str) -> None:
    found = chats.read("ops", fields)
    assert isinstance(found, str) and wrong in found


def test_slack_says_in_its_body_what_went_wrong() -> None:
    bot = listener(url="", token="xoxb-1", channel="#ops")
    assert chats.judge(bot, Answer(200, {}, '{"ok":true}', 0.0)) == Accepted()
    refused = chats.judge(bot, Answer(200, {}, '{"ok":false,"error":"channel_not_found"}', 0.0))
    assert isinstance(refused, Refused) and "channel_not_found" in refused.why
    assert isinstance(chats.judge(bot, Answer(429, {"retry-after": "3"}, "", 0.0)), Later)
    assert chats.judge(listener(), Answer(200, {}, "ok", 0.0)) == Accepted()
    assert isinstance(chats.judge(listener(), Answer(404, {}, "no_service", 0.0)), Refused)
