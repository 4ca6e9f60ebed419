"""Which URLs are allowed, and that credentials never show."""

import pytest

from gitsync.git import urls
from gitsync.git.access import Credentials
from gitsync.git.urls import Policy
from operator_core.errors import Reason, Stalled


@pytest.mark.parametrize(
    ("url", "clean", "protocol"),
    [
        ("https://example.org/team/a.git", "https://example.org/team/a.git", "https"),
        ("HTTPS://Example.ORG:8443/a", "https://example.org:8443/a", "https"),
        ("https://bob:p%40ss@example.org/a", "https://example.org/a", "https"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a", "https"),
        ("/srv/git/a.git/", "/srv/git/a.git", "file"),
        ("ssh://git@Example.ORG:2222/team/a.git", "ssh://git@example.org:2222/team/a.git", "ssh"),
        ("ssh://git@[2001:db8::1]/a", "ssh://git@[2001:db8::1]/a", "ssh"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git", "ssh"),
        ("example.org:~team/a", "example.org:~team/a", "ssh"),
        ("file:///srv/git/a%20b", "/srv/git/a b", "file"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a", "http"),
        ("http://localhost/a", "http://localhost/a", "http"),
        ("http://[::1]/a", "http://[::1]/a", "http"),
    ],
)
def test_allowed(url: str, clean: str, protocol: str) -> None:
    remote = urls.parse(url, Policy(loopback_http=True))
    assert (remote.url, remote.protocol) == (clean, protocol)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it is empty"),
        ("--upload-pack=touch /tmp/x", "starts with '-'"),
        ("https://example.org/a\nb", "control characters"),
        ("https://example.org/a%0a b", "spaces"),
        ("ext::sh -c touch% /tmp/x", "spaces"),
        ("ext::sh", "the transport 'ext' is not allowed"),
        ("fd::17", "the transport 'fd' is not allowed"),
        ("https::https://example.org/a", "the transport 'https' is not allowed"),
        ("git://example.org/a", "the transport 'git' is not allowed"),
        ("ftp://example.org/a", "the transport 'ftp' is not allowed"),
        ("http://example.org/a", "http is not encrypted"),
        ("http://127.0.0.1.example.org/a", "http is not encrypted"),
        ("ssh://-oProxyCommand=x/a", "none that ssh may be given"),
        ("ssh://-l@example.org/a", "none that ssh may be given"),
        ("-oProxyCommand=x:a", "starts with '-'"),
        ("git@-oProxyCommand=x:a", "none that ssh may be given"),
        ("ssh://git@example.org/-a", "starts with '-'"),
        ("git@example.org:-a", "starts with '-'"),
        ("git@example.org:/", "its path is empty"),
        ("ssh://git@example.org", "its path is empty"),
        ("ssh://git:secret@example.org/a", "leave the password out"),
        ("ssh://git@example.org/a?b=c", "holds no '?'"),
        ("git+ssh://git@example.org/a", "the transport 'git+ssh' is not allowed"),
        ("repo", "write an https or ssh URL, or an absolute path"),
        ("../repo", "write an https or ssh URL, or an absolute path"),
        ("file://host/path", "absolute path"),
        ("https:///path", "it names no host"),
        ("https://example.org:x/a", "host or port cannot be read"),
        ("https://example.org/a#b", "holds a '#'"),
    ],
)
def test_refused(url: str, why: str) -> None:
    with pytest.raises(Stalled) as caught:
        urls.parse(url, Policy(loopback_http=True))
    assert why in caught.value.message
    assert caught.value.reason is Reason.RepositoryRefused


def test_the_policy_decides_on_local_paths_and_loopback() -> None:
    for url, policy in (("/srv/a", Policy(local_paths=False)), ("http://localhost/a", Policy())):
        with pytest.raises(Stalled):
            urls.parse(url, policy)


def test_credentials_leave_the_url_and_never_show() -> None:
    remote = urls.parse("https://bob:hunter2@example.org/a", Policy())
    assert (remote.credentials.username, remote.credentials.password) == ("bob", "hunter2")
    assert "hunter2" not in f"{remote!r} {remote.url} {remote.directory_name} {remote.base}"
    given = urls.parse("https://bob:hunter2@example.org/a", Policy(), Credentials("robot", "token", ca_file="/ca"))
    assert (given.credentials.username, given.credentials.password, given.credentials.ca_file) == (
        "robot",
        "token",
        "/ca",
    )
    with pytest.raises(Stalled) as caught:
        urls.parse("http://bob:hunter2@example.org/a", Policy())
    assert "hunter2" not in caught.value.message
    assert urls.without_credentials("x https://a:b@c/d y http://t@e") == "x https://c/d y http://e"


@pytest.mark.parametrize("credentials", [{"password": "a\nhost=evil"}, {"username": "a\x00"}, {"bearer_token": "a\r"}])
def test_credentials_cannot_speak_for_other_hosts(credentials: dict[str, str]) -> None:
    with pytest.raises(Stalled, match="control characters"):
        Credentials(**credentials)


def test_every_repository_has_its_own_directory() -> None:
    names = {urls.parse(url, Policy()).directory_name for url in ("/a/x.git", "/b/x.git", "/a/x", "https://h/x.git")}
    assert len(names) == 4
    assert all(name.startswith("x-") and "/" not in name for name in names)


@pytest.mark.parametrize(
    ("url", "mirror"),
    [
        ("https://bob:x@Example.org/a", "https://example.org/a"),
        ("/srv/a.git/", "/srv/a.git"),
        ("file:///srv/a.git", "/srv/a.git"),
        ("ssh://h/a", "ssh://h/a"),
    ],
)
def test_every_spelling_leads_to_its_mirror(url: str, mirror: str) -> None:
    assert urls.canonical(url) == mirror
