"""Which Secret a repository gets: Argo CD's forms, the longest start that fits, own before inherited."""

import base64

import pytest

from gitsync.rights import credentials
from operator_core.jsonvalues import Object


def secret(kind: str, **fields: str) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()}
    return {"metadata": {"labels": {credentials.LABEL: kind}}, "data": data}


SECRETS = [
    secret("repo-creds", url="https://git.example.org", username="host", password="1"),
    secret("repo-creds", url="https://git.example.org/team/", username="team", password="2"),
    secret("repository", url="https://git.example.org/team/own.git", username="own", password="3"),
    secret("repository", url="https://git.example.org/team/proxied", proxy="http://proxy:3128", insecure="true"),
    secret("repo-creds", url="git@git.example.org:", sshPrivateKey="host key"),
    secret("repo-creds", url="ssh://git@git.example.org/team", sshPrivateKey="team key"),
    secret("repository", url="git@other.example.org:a.git", sshPrivateKey="other", insecureIgnoreHostKey="true"),
]


@pytest.mark.parametrize(
    ("url", "who"),
    [
        ("https://git.example.org/a", "host"),
        ("https://git.example.org/team/a.git", "team"),
        ("https://git.example.org/teamwork/a", "host"),
        ("https://git.example.org.evil.net/team/a", None),
        ("https://git.example.org/TEAM/Own", "own"),
        ("https://robot@git.example.org/team/own.git/", "own"),
        ("https://git.example.org/team/proxied", "team"),
        ("git@git.example.org:a/b.git", "host key"),
        ("git@git.example.org:team/b.git", "team key"),
        ("ssh://git@git.example.org/team/b", "team key"),
        ("ssh://git@other.example.org/a", "other"),
        ("/srv/a", None),
    ],
)
def test_the_secret_that_fits_best(url: str, who: str | None) -> None:
    found = credentials.choose(url, SECRETS)
    assert (found and (found.username or found.ssh_key)) == who


def test_what_the_own_secret_does_not_say_is_inherited() -> None:
    found = credentials.choose("https://git.example.org/team/proxied", SECRETS)
    assert found is not None
    assert (found.proxy, found.insecure, found.password) == ("http://proxy:3128", True, "2")
    other = credentials.choose("git@other.example.org:a", SECRETS)
    assert other is not None and other.insecure


def test_known_hosts_and_certificates_of_argo_cds_config_maps() -> None:
    hosts: Object = {"data": {"ssh_known_hosts": "example.org ssh-ed25519 AAAA"}}
    assert credentials.known_hosts(hosts).startswith("example.org")
    assert credentials.known_hosts(None) == ""
    certificates: Object = {"data": {"git.example.org": "PEM"}}
    assert credentials.certificates(certificates, "https://Git.example.org:8443/a") == "PEM"
    assert credentials.certificates(certificates, "https://other.example.org/a") == ""
    assert credentials.certificates(certificates, "/srv/a") == ""


def test_a_secret_with_odd_values_breaks_nothing() -> None:
    odd: Object = {"metadata": {"labels": None}, "data": {"url": "%%%", "password": "_"}}
    assert credentials.choose("https://git.example.org/x", [odd, {"metadata": {}}]) is None
