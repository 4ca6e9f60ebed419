"""Push notifications of every forge: their signatures, and what their payloads say."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import ValidationError

from gitsync.git import refs
from gitsync.web import pushes
from gitsync.web.pushes import Provider, Push

SECRET = b"a long random text"
BY_NAME = {one.name: one for one in pushes.PROVIDERS}
FILES: dict[str, Any] = {"added": ["apps/a.yaml"], "removed": ["apps/b.yaml"], "modified": []}
GITHUB: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": "1" * 40,
    "after": "2" * 40,
    "deleted": False,
    "forced": False,
    "repository": {
        "clone_url": "https://github.com/team/jobs.git",
        "ssh_url": "git@github.com:team/jobs.git",
        "html_url": "https://github.com/team/jobs",
    },
    "commits": [FILES],
}
GITHUB_URLS = ("https://github.com/team/jobs.git", "git@github.com:team/jobs.git", "https://github.com/team/jobs")
CHANGED = frozenset({"apps/a.yaml", "apps/b.yaml"})
GITLAB: dict[str, Any] = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "before": "1" * 40,
    "project": {"git_http_url": "https://gitlab.com/g/s/jobs.git", "git_ssh_url": "git@gitlab.com:g/s/jobs.git"},
    "commits": [FILES],
    "total_commits_count": 1,
}
CLOUD: dict[str, Any] = {
    "repository": {"full_name": "team/jobs", "links": {"html": {"href": "https://bitbucket.org/team/jobs"}}},
    "push": {
        "changes": [
            {"new": {"type": "branch", "name": "main"}, "old": {"type": "branch", "name": "main"}},
            {"new": None, "old": {"type": "tag", "name": "v1"}},
        ]
    },
}
SERVER: dict[str, Any] = {
    "repository": {
        "links": {"clone": [{"href": "ssh://git@bb:7999/t/jobs.git"}, {"href": "https://bb/scm/t/jobs.git"}]}
    },
    "changes": [{"ref": {"id": "refs/heads/main", "type": "BRANCH"}, "type": "UPDATE"}],
}


def signed(name: str, body: bytes, secret: bytes = SECRET) -> dict[str, str]:
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return {
        "generic": {"x-signature": f"sha256={digest}"},
        "github": {"x-hub-signature-256": f"sha256={digest}"},
        "gitlab": {"x-gitlab-token": secret.decode()},
        "gitea": {"x-gitea-signature": digest},
        "bitbucket": {"x-hub-signature": f"sha256={digest}"},
    }[name]


@pytest.mark.parametrize("provider", pushes.PROVIDERS, ids=lambda one: one.name)
def test_only_who_knows_the_secret_is_heard(provider: Provider) -> None:
    body = b'{"a": 1}'
    assert provider.is_signed(signed(provider.name, body), body, SECRET)
    assert not provider.is_signed(signed(provider.name, body, b"another random text"), body, SECRET)
    assert not provider.is_signed({}, body, SECRET)
    if provider.name != "gitlab":
        assert not provider.is_signed(signed(provider.name, body), body + b" ", SECRET)


def parse(name: str, payload: dict[str, Any], **headers: str) -> tuple[Push, ...]:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return BY_NAME[name].parse(given, json.dumps(payload).encode())


def test_github() -> None:
    assert parse("github", GITHUB, x_github_event="push") == (Push(GITHUB_URLS, "refs/heads/main", CHANGED),)
    assert parse("github", {"zen": "x"}, x_github_event="ping") == ()


@pytest.mark.parametrize(
    "change",
    [
        {"forced": True},
        {"deleted": True},
        {"before": "0" * 40},
        {"commits": []},
        {"commits": [FILES] * 20},
        {"total_commits": 7},
    ],
    ids=["rewritten", "deleted", "new branch", "no commits told", "as many as are told", "more than are told"],
)
def test_files_are_known_only_when_all_of_them_are_told(change: dict[str, Any]) -> None:
    assert parse("github", {**GITHUB, **change}, x_github_event="push") == (Push(GITHUB_URLS, "refs/heads/main"),)


def test_gitea_and_forgejo_speak_as_github_does() -> None:
    payload = {**GITHUB, "total_commits": 1}
    assert parse("gitea", payload, x_gitea_event="push") == (Push(GITHUB_URLS, "refs/heads/main", CHANGED),)
    assert parse("gitea", payload, x_forgejo_event="push") == (Push(GITHUB_URLS, "refs/heads/main", CHANGED),)
    assert parse("gitea", payload, x_gitea_event="issues") == ()


def test_gitlab() -> None:
    urls = ("https://gitlab.com/g/s/jobs.git", "git@gitlab.com:g/s/jobs.git")
    assert parse("gitlab", GITLAB, x_gitlab_event="Push Hook") == (Push(urls, "refs/heads/main"),)
    tag = {**GITLAB, "object_kind": "tag_push", "ref": "refs/tags/v1"}
    assert parse("gitlab", tag, x_gitlab_event="Tag Push Hook") == (Push(urls, "refs/tags/v1"),)
    assert parse("gitlab", GITLAB, x_gitlab_event="Pipeline Hook") == ()


def test_bitbucket() -> None:
    url = ("https://bitbucket.org/team/jobs",)
    both = (Push(url, "refs/heads/main"), Push(url, "refs/tags/v1"))
    assert parse("bitbucket", CLOUD, x_event_key="repo:push") == both
    clones = ("ssh://git@bb:7999/t/jobs.git", "https://bb/scm/t/jobs.git")
    assert parse("bitbucket", SERVER, x_event_key="repo:refs_changed") == (Push(clones, "refs/heads/main"),)
    assert parse("bitbucket", {"test": True}, x_event_key="diagnostics:ping") == ()


@pytest.mark.parametrize(
    ("name", "payload", "event"),
    [
        ("github", {"ref": 5}, {"x_github_event": "push"}),
        ("gitlab", {"ref": "refs/heads/main"}, {"x_gitlab_event": "Push Hook"}),
        ("bitbucket", {"repository": []}, {"x_event_key": "repo:push"}),
        ("generic", {"repository": ""}, {}),
    ],
)
def test_a_payload_of_another_form_is_refused(name: str, payload: dict[str, Any], event: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        parse(name, payload, **event)


@pytest.mark.parametrize(
    ("name", "pushed", "may"),
    [
        ("main", "refs/heads/main", True),
        ("main", "refs/heads/other", False),
        ("HEAD", "refs/heads/other", True),
        ("", "refs/heads/other", True),
        ("refs/heads/main", "refs/heads/main", True),
        ("^1.2", "refs/heads/main", False),
        ("^1.2", "refs/tags/v1.3.0", True),
        ("main", "refs/tags/v1.3.0", True),
        ("a" * 40, "refs/heads/main", False),
        ("abcdef1", "refs/heads/main", True),
        ("main", "", True),
    ],
)
def test_a_push_concerns_who_may_follow_it(name: str, pushed: str, may: bool) -> None:
    assert refs.may_be(name, pushed) is may
