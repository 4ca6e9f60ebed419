"""Messages for people: who wants to hear of what, and the request that tells it.

Pure. Who wants to hear is said by Secrets of the agent's namespace with the label
`gitsync.io/secret-type: notification`: `type` (slack, webhook), `url` or for Slack `token` and `channel`, `on` (events,
separated by commas), `apps` (globs), `template` (Go's text/template). Slack: incoming webhooks and
`chat.postMessage`; a generic webhook gets the notice as JSON, signed with `secret` as push notifications are.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, cast

from gitsync.render import gotemplates
from gitsync.report.deliveries import Accepted, Answer, HttpRequest, Later, Refused, Verdict
from gitsync.report.notices import NOT_READY, READY, Notice
from operator_core.jsonvalues import Object

SECRET_TYPE = "notification"
SLACK_API = "https://slack.com/api"
EVENTS = ("pending", "applied", "running", "stable", "failed", "superseded", READY, NOT_READY)
_USUAL = ("failed", NOT_READY, READY)
_MARKS = {"stable": "✅", "running": "🟢", "failed": "❌", NOT_READY: "⚠️", READY: "✅", "superseded": "⏭️"}
_LONGEST_TEXT = 3000
Kind = Literal["slack", "webhook"]


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to hear of what. `name` is its Secret's."""

    name: str
    kind: Kind
    url: str
    events: frozenset[str]
    apps: tuple[str, ...]
    token: str = ""
    channel: str = ""
    secret: str = ""
    template: str = ""
    certificates: str = ""

    def __repr__(self) -> str:
        return f"Listener({self.name!r}, {self.kind!r})"

    def wants(self, notice: Notice) -> bool:
        """Whether it asked to hear of this."""
        return notice.event in self.events and any(fnmatchcase(notice.where.app.name, glob) for glob in self.apps)


def read(name: str, fields: Mapping[str, str]) -> Listener | str:
    """The listener of a Secret, or what is wrong with it."""
    kind = fields.get("type", "")
    if kind not in ("slack", "webhook"):
        return f"type is {kind!r}; known are slack and webhook"
    url, token, channel = fields.get("url", ""), fields.get("token", ""), fields.get("channel", "")
    if kind == "slack" and not url:
        if not (token and channel):
            return "give the url of an incoming webhook, or token and channel"
        url = f"{fields.get('api', SLACK_API).rstrip('/')}/chat.postMessage"
    if not url.startswith(("https://", "http://")):
        return "url has to begin with https://"
    events = _listed(fields.get("on", "")) or _USUAL
    unknown = [one for one in events if one not in EVENTS]
    if unknown:
        return f"on names {', '.join(unknown)}; known are {', '.join(EVENTS)}"
    return Listener(
        name=name,
        kind=cast(Kind, kind),
        url=url,
        events=frozenset(events),
        apps=_listed(fields.get("apps", "")) or ("*",),
        token=token,
        channel=channel,
        secret=fields.get("secret", ""),
        template=fields.get("template", ""),
        certificates=fields.get("ca.crt", ""),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def text(notice: Notice, template: str = "") -> str:
    """The message for people. Raises TemplateError."""
    if template:
        return gotemplates.render(template, notice.to_json())[:_LONGEST_TEXT]
    shown = notice.to_json()
    app, cluster = notice.where.app.name, notice.where.cluster
    where = f"{cluster}/{app}" if cluster else app
    at = f" at {notice.revision[:7]}" if notice.revision else ""
    what = f"{_MARKS.get(notice.event, '🔄')} {where}: {notice.event}{at}"
    return f"{what}: {shown['message']}" if shown["message"] else what


def request(listener: Listener, notice: Notice) -> HttpRequest:
    """How to tell a listener. Raises TemplateError."""
    words = text(notice, listener.template)
    if listener.kind == "slack":
        escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        headers = {"Authorization": f"Bearer {listener.token}"} if listener.token else {}
        body: Object = {"text": escaped, **({"channel": listener.channel} if listener.channel else {})}
        return HttpRequest(listener.url, headers, body, listener.certificates)
    found = HttpRequest(listener.url, {}, {**notice.to_json(), "text": words}, listener.certificates)
    if not listener.secret:
        return found
    signature = hmac.new(listener.secret.encode(), found.content, hashlib.sha256).hexdigest()
    return HttpRequest(found.url, {"X-Signature": f"sha256={signature}"}, found.body, found.certificates)


def judge(listener: Listener, answer: Answer) -> Verdict:
    """What an answer means; Slack says in the body of a 200 what went wrong."""
    told = f"the notification {listener.name} was answered {answer.status}"
    if answer.status == 429 or answer.status >= 500 or answer.status == 408:
        return Later(told, answer.pause())
    if answer.status >= 300:
        return Refused(f"{told}: {' '.join(answer.text.split())[:100]}")
    problem = _slack_problem(answer.text) if listener.kind == "slack" and listener.token else ""
    if problem == "ratelimited":
        return Later(f"{told}: {problem}", answer.pause())
    return Refused(f"{told}: {problem}") if problem else Accepted()


def _slack_problem(body: str) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return "no JSON"
    return "" if isinstance(value, dict) and value.get("ok") is True else str(dict(value or {}).get("error", "unknown"))
