"""What forges say when somebody pushed: their notifications, checked by signature and then parsed once.

Pure. GitHub (`X-Hub-Signature-256`), GitLab (`X-Gitlab-Token`), Gitea and Forgejo (`X-Gitea-Signature`), Bitbucket
Cloud and Data Center (`X-Hub-Signature`), and a generic form (`X-Signature`). A notification is a hint, never a
source of truth: of whatever it does not say for sure, the larger part is assumed to have changed.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gitsync.web import signatures

_BRANCHES, _TAGS = "refs/heads/", "refs/tags/"
_NO_COMMIT = "0" * 40
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Push:
    """A ref of a repository moved. `urls` are spellings of the repository, `ref` is full, or empty: any."""

    urls: tuple[str, ...]
    ref: str = ""
    changed: frozenset[str] | None = None
    """Paths the pushed commits changed; None: not known."""


class Payload(BaseModel):
    """What all payloads share: unknown fields are dropped, texts are bounded."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Commit(Payload):
    """The files of a pushed commit."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


class GenericPush(Payload):
    """The generic form: `{"repository": URL, "ref": "refs/heads/main"}`."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    repository: str = Field(min_length=1, max_length=2048)
    ref: str = Field(default="", max_length=1024)

    def pushes(self) -> tuple[Push, ...]:
        """The one push."""
        return (Push((self.repository,), self.ref),)


class _Repository(Payload):
    clone_url: str = Field(default="", max_length=2048)
    ssh_url: str = Field(default="", max_length=2048)
    html_url: str = Field(default="", max_length=2048)


class GitHubPush(Payload):
    """GitHub's `push`, and Gitea's, which took its form over."""

    ref: str = Field(max_length=1024)
    before: str = ""
    deleted: bool = False
    forced: bool = False
    repository: _Repository
    commits: tuple[Commit, ...] = ()
    total_commits: int = 0

    def pushes(self) -> tuple[Push, ...]:
        """The one push; its files are known unless history was rewritten, begun or cut short."""
        one = self.repository
        whole = not (self.deleted or self.forced or self.before in ("", _NO_COMMIT))
        told = whole and 0 < len(self.commits) < _MOST_COMMITS and self.total_commits <= len(self.commits)
        urls = _known(one.clone_url, one.ssh_url, one.html_url)
        return (Push(urls, self.ref, _files(self.commits) if told else None),)


_MOST_COMMITS = 20
"""Forges list no more commits than this, or do not say that there were more."""


class _Project(Payload):
    git_http_url: str = Field(default="", max_length=2048)
    git_ssh_url: str = Field(default="", max_length=2048)
    web_url: str = Field(default="", max_length=2048)


class GitLabPush(Payload):
    """GitLab's "Push Hook" and "Tag Push Hook"."""

    ref: str = Field(max_length=1024)
    before: str = ""
    after: str = ""
    project: _Project
    commits: tuple[Commit, ...] = ()
    total_commits_count: int = 0

    def pushes(self) -> tuple[Push, ...]:
        """The one push. GitLab does not say whether history was rewritten, so files are never known for sure."""
        one = self.project
        return (Push(_known(one.git_http_url, one.git_ssh_url, one.web_url), self.ref),)


class _Link(Payload):
    href: str = Field(default="", max_length=2048)


class _CloudLinks(Payload):
    html: _Link = _Link()


class _CloudRepository(Payload):
    links: _CloudLinks = _CloudLinks()
    full_name: str = Field(default="", max_length=1024)


class _CloudRef(Payload):
    type: str = ""
    name: str = Field(default="", max_length=1024)


class _CloudChange(Payload):
    new: _CloudRef | None = None
    old: _CloudRef | None = None


class _CloudChanges(Payload):
    changes: tuple[_CloudChange, ...] = ()


class BitbucketCloudPush(Payload):
    """Bitbucket Cloud's `repo:push`."""

    repository: _CloudRepository
    push: _CloudChanges

    def pushes(self) -> tuple[Push, ...]:
        """One push per branch or tag; a deleted one is in `old` alone."""
        url = self.repository.links.html.href or f"https://bitbucket.org/{self.repository.full_name}"
        refs = (change.new or change.old for change in self.push.changes)
        named = (f"{_TAGS if ref.type == 'tag' else _BRANCHES}{ref.name}" for ref in refs if ref is not None)
        return tuple(Push((url,), ref) for ref in named)


class _ServerLink(Payload):
    href: str = Field(default="", max_length=2048)


class _ServerLinks(Payload):
    clone: tuple[_ServerLink, ...] = ()


class _ServerRepository(Payload):
    links: _ServerLinks = _ServerLinks()


class _ServerRef(Payload):
    id: str = Field(max_length=1024)


class _ServerChange(Payload):
    ref: _ServerRef


class BitbucketServerPush(Payload):
    """Bitbucket Data Center's `repo:refs_changed`."""

    repository: _ServerRepository
    changes: tuple[_ServerChange, ...] = ()

    def pushes(self) -> tuple[Push, ...]:
        """One push per ref."""
        found = _known(*(one.href for one in self.repository.links.clone))
        return tuple(Push(found, change.ref.id) for change in self.changes)


Parsed = GenericPush | GitHubPush | GitLabPush | BitbucketCloudPush | BitbucketServerPush


@dataclass(frozen=True, slots=True)
class Provider:
    """One sender's form: how it signs, which of its events are pushes, and how they read."""

    name: str
    is_signed: Callable[[Headers, bytes, bytes], bool]
    """Headers, body and secret; compared in constant time."""
    unsigned: str
    """What a sender that does not know the secret is told."""
    event: Callable[[Headers], str] = lambda _: "push"
    reads: Mapping[str, type[Parsed]] = field(default_factory=dict)
    delivery: str = ""
    """The header with the id of a delivery, by which a repeated one is known."""

    def parse(self, headers: Headers, body: bytes) -> tuple[Push, ...]:
        """The pushes of a notification; none for an event that is none. Raises pydantic.ValidationError."""
        model = self.reads.get(self.event(headers))
        if model is None:
            return ()
        parsed: Parsed = TypeAdapter(model).validate_json(body)
        return tuple(one for one in parsed.pushes() if one.urls)


def _hmac_in(*names: str, prefix: str = "sha256=") -> Callable[[Headers, bytes, bytes], bool]:
    def check(headers: Headers, body: bytes, secret: bytes) -> bool:
        given = next((headers[name] for name in names if headers.get(name)), "")
        return signatures.is_valid(given if prefix else f"sha256={given}", body, secret)

    return check


def _has_token(headers: Headers, body: bytes, secret: bytes) -> bool:
    return hmac.compare_digest(headers.get("x-gitlab-token", "").encode(), secret)


def _header(*names: str) -> Callable[[Headers], str]:
    return lambda headers: next((headers[name] for name in names if headers.get(name)), "")


PROVIDERS = (
    Provider(
        "generic",
        _hmac_in("x-signature"),
        "X-Signature must be sha256=<HMAC-SHA256 of the body with the shared secret, in hex>",
        reads={"push": GenericPush},
    ),
    Provider(
        "github",
        _hmac_in("x-hub-signature-256"),
        "X-Hub-Signature-256 does not sign the body: give the webhook the agent's secret and application/json",
        _header("x-github-event"),
        {"push": GitHubPush},
        "x-github-delivery",
    ),
    Provider(
        "gitlab",
        _has_token,
        "X-Gitlab-Token is not the agent's secret",
        _header("x-gitlab-event"),
        {"Push Hook": GitLabPush, "Tag Push Hook": GitLabPush},
        "x-gitlab-event-uuid",
    ),
    Provider(
        "gitea",
        _hmac_in("x-gitea-signature", "x-forgejo-signature", prefix=""),
        "X-Gitea-Signature does not sign the body: give the webhook the agent's secret and application/json",
        _header("x-gitea-event", "x-forgejo-event"),
        {"push": GitHubPush},
        "x-gitea-delivery",
    ),
    Provider(
        "bitbucket",
        _hmac_in("x-hub-signature"),
        "X-Hub-Signature does not sign the body: give the webhook the agent's secret",
        _header("x-event-key"),
        {"repo:push": BitbucketCloudPush, "repo:refs_changed": BitbucketServerPush},
        "x-request-id",
    ),
)


def _known(*urls: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url for url in urls if url))


def _files(commits: Iterable[Commit]) -> frozenset[str]:
    return frozenset(path for one in commits for path in (*one.added, *one.removed, *one.modified))
