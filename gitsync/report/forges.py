"""Forges that show commit statuses: which one a repository is on, how to ask it, and what its answer means.

Pure: requests and answers as values. Forms of the public APIs: GitHub "Create a commit status" (Enterprise Server:
the same below /api/v3), GitLab "Set commit pipeline status", Gitea "Create a commit's status". Which token goes
where comes from Secrets of the agent's namespace with the label `gitsync.io/secret-type: forge`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, urlsplit

from gitsync.git import urls
from gitsync.model.commitstatuses import CommitStatus, State
from gitsync.report.deliveries import Accepted, Answer, HttpRequest, Later, Refused, Verdict

Kind = Literal["github", "gitlab", "gitea"]
KINDS: tuple[Kind, ...] = ("github", "gitlab", "gitea")
SECRET_TYPE = "forge"
_GITHUB_COM = "github.com"
_WORDS: Mapping[Kind, Mapping[State, str]] = {
    "github": {
        State.PENDING: "pending",
        State.RUNNING: "pending",
        State.SUCCESS: "success",
        State.FAILURE: "failure",
        State.OVERTAKEN: "error",
    },
    "gitlab": {
        State.PENDING: "pending",
        State.RUNNING: "running",
        State.SUCCESS: "success",
        State.FAILURE: "failed",
        State.OVERTAKEN: "canceled",
    },
    "gitea": {
        State.PENDING: "pending",
        State.RUNNING: "pending",
        State.SUCCESS: "success",
        State.FAILURE: "failure",
        State.OVERTAKEN: "warning",
    },
}


@dataclass(frozen=True, slots=True)
class Forge:
    """A forge and the key to it. `api` is the base of its API without a slash at the end."""

    kind: Kind
    api: str
    token: str
    certificates: str = ""

    def __repr__(self) -> str:
        return f"Forge({self.kind!r}, {self.api!r})"


def choose(url: str, secrets: Iterable[Mapping[str, str]]) -> Forge | None:
    """The forge of a repository, by the longest `url` of the Secrets that its own begins with; None without one."""
    wanted = urls.place(url)
    found: tuple[int, Mapping[str, str]] | None = None
    for fields in secrets:
        place = urls.place(fields.get("url", ""))
        fits = bool(place) and (wanted == place or wanted.startswith(place + "/"))
        if fits and fields.get("type") in KINDS and fields.get("token") and (found is None or len(place) > found[0]):
            found = (len(place), fields)
    if found is None:
        return None
    fields = found[1]
    kind = cast(Kind, fields["type"])
    api = fields.get("api", "").rstrip("/") or _api_of(kind, url)
    return Forge(kind, api, fields["token"], fields.get("ca.crt", ""))


def _api_of(kind: Kind, url: str) -> str:
    """The API where a forge has it; the port of an https URL is the web's, of an ssh URL it is not."""
    host = urls.host_of(url)
    if kind == "github" and host == _GITHUB_COM:
        return f"https://api.{_GITHUB_COM}"
    parts = urlsplit(url)
    base = f"https://{host}:{parts.port}" if parts.scheme == "https" and parts.port else f"https://{host}"
    return base + {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}[kind]


def request(forge: Forge, url: str, status: CommitStatus) -> HttpRequest:
    """How to set a status on a commit of the repository `url`."""
    path = urls.path_of(url)
    word = _WORDS[forge.kind][status.state]
    body = {"state": word, "description": status.description}
    match forge.kind:
        case "github":
            headers = {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {forge.token}",
                "X-GitHub-Api-Version": "2022-11-28",
            }
            place = f"/repos/{quote(path)}/statuses/{status.sha}"
            body["context"] = status.context
        case "gitlab":
            headers = {"PRIVATE-TOKEN": forge.token}
            place = f"/projects/{quote(path, safe='')}/statuses/{status.sha}"
            body["name"] = status.context
        case "gitea":
            headers = {"Accept": "application/json", "Authorization": f"token {forge.token}"}
            place = f"/repos/{quote(path)}/statuses/{status.sha}"
            body["context"] = status.context
    return HttpRequest(forge.api + place, headers, body, forge.certificates)


def judge(forge: Forge, answer: Answer) -> Verdict:
    """What an answer means: taken, to be tried again after a while, or refused for good."""
    if answer.status in (200, 201):
        return Accepted()
    told = f"{forge.kind} at {forge.api} answered {answer.status}"
    pause = answer.pause()
    if answer.status == 429 or (answer.status == 403 and pause is not None):
        return Later(f"{told}: too many requests", pause)
    if answer.status >= 500 or answer.status == 408:
        return Later(told, pause)
    if forge.kind == "gitlab" and answer.status == 400 and "cannot transition" in answer.text.lower():
        return Accepted()  # It has this state already.
    if forge.kind == "github" and answer.status == 422:
        return Refused(f"{told}: it does not know the commit, or has 1000 statuses of it")
    hint = {
        401: "its token is not valid: renew it in the Secret",
        403: f"its token may not set commit statuses: {_RIGHTS[forge.kind]}",
        404: f"no such repository for its token; check the Secret's url, and {_RIGHTS[forge.kind]}",
    }.get(answer.status, "the request was not understood")
    return Refused(f"{told}: {hint}")


_RIGHTS: Mapping[Kind, str] = {
    "github": "it needs repo:status, or commit statuses read and write",
    "gitlab": "it needs the scope api and the role Developer",
    "gitea": "it needs write:repository",
}
