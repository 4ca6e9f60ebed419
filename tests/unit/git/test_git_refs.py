"""What a name means, in the order of Argo CD, with ambiguity named."""

import pytest

from gitsync.git import failures, refs
from gitsync.git.refs import Advertised, Choice, Exact, Refs, Shortened
from gitsync.model import semver
from operator_core.errors import AgentError, Reason, Retry, Stalled

A, B, C = "a" * 40, "b" * 40, "c" * 40
NAMES = {
    "refs/heads/main": A,
    "refs/heads/both": A,
    "refs/tags/both": B,
    "refs/heads/same": C,
    "refs/tags/same": C,
    "refs/tags/v1.0": B,
    "refs/heads/feature/x": C,
    "refs/heads/abcdef1": C,
}
REFS = Refs(NAMES, "refs/heads/main", A)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (A, Exact(A)),
        (A.upper(), Exact(A)),
        ("d" * 64, Exact("d" * 64)),
        ("", Advertised(A)),
        ("HEAD", Advertised(A)),
        ("main", Advertised(A)),
        (" main ", Advertised(A)),
        ("v1.0", Advertised(B)),
        ("feature/x", Advertised(C)),
        ("refs/heads/both", Advertised(A)),
        ("refs/tags/both", Advertised(B)),
        ("same", Advertised(C)),
        ("abcdef1", Advertised(C)),
        ("abcdef2", Shortened("abcdef2")),
        ("ABCDEF2", Shortened("abcdef2")),
    ],
)
def test_order(name: str, expected: Choice) -> None:
    assert refs.choose(name, REFS, "https://h/r") == expected


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("both", Reason.RevisionAmbiguous, "is both a branch and a tag of https://h/r: refs/heads/both (aaaaaaa)"),
        ("mian", Reason.RevisionNotFound, "did you mean main?"),
        ("feature/y", Reason.RevisionNotFound, "did you mean feature/x?"),
        ("zzz", Reason.RevisionNotFound, "it has abcdef1, both, feature/x, main, same and 1 more"),
        ("refs/heads/v1.0", Reason.RevisionNotFound, "no branch, tag or commit 'refs/heads/v1.0'"),
        ("abcdef", Reason.RevisionNotFound, "did you mean abcdef1?"),
    ],
)
def test_no_answer_names_what_is_near(name: str, reason: Reason, message: str) -> None:
    with pytest.raises(Stalled) as caught:
        refs.choose(name, REFS, "https://h/r")
    assert caught.value.reason is reason
    assert message in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "--upload-pack=x",
        "-",
        "a..b",
        "a b",
        "a\nb",
        "a^{tree}",
        "main~1",
        "main:file",
        "a@{1}",
        "a//b",
        "/a",
        "a/",
        "a.",
        "a.lock",
        ".a",
        "a/.b",
        "a/*",
        "a[b",
        "a\\b",
        "x.lock/y",
    ],
)
def test_names_git_does_not_allow_reach_no_command(name: str) -> None:
    with pytest.raises(Stalled, match="is not a name Git allows"):
        refs.choose(name, REFS, "https://h/r")


VERSIONS = Refs({"refs/tags/v1.2.0": A, "refs/tags/v1.10.0": B, "refs/tags/app-2.0.0": C, "refs/heads/1.x": C}, "", A)


@pytest.mark.parametrize(
    ("prefix", "text", "expected"),
    [
        ("", "1.*", B),
        ("", "^1.2", B),
        ("", ">=1 <1.5", A),
        ("app-", "*", C),
        ("app-", "v1.2.0", A),
        ("", "1.x", C),  # a branch of that name
        ("", "1.x.x", B),
    ],
)
def test_a_range_is_the_highest_version_of_tags(prefix: str, text: str, expected: str) -> None:
    assert refs.choose(semver.of_tags(prefix, text), VERSIONS, "r") == Advertised(expected)


@pytest.mark.parametrize(
    ("prefix", "text", "problem"),
    [
        ("", "3.*", "none of the 3 tags of r is a version in the range '3.*'"),
        ("app-", "^1", "none of the 1 tags that begin with 'app-' of r is a version in the range '^1'"),
    ],
)
def test_a_range_nothing_is_in(prefix: str, text: str, problem: str) -> None:
    with pytest.raises(Stalled) as caught:
        refs.choose(semver.of_tags(prefix, text), VERSIONS, "r")
    assert problem in caught.value.message


def test_an_empty_repository_says_so() -> None:
    for name in ("main", "HEAD"):
        with pytest.raises(Stalled, match="has no branch and no tag yet"):
            refs.choose(name, Refs(), "https://h/r")


def test_advertisements_leave_out_what_is_not_followed() -> None:
    text = (
        f"ref: refs/heads/main\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/main\n{B}\trefs/tags/v1\n{C}\trefs/tags/v1^{{}}\n"
        f"{C}\trefs/heads/gitsync/status/demo\n{C}\trefs/notes/gitsync/demo\n{C}\trefs/pull/1/head\n"
    )
    assert refs.parse_advertisement(text) == Refs({"refs/heads/main": A, "refs/tags/v1": B}, "refs/heads/main", A)
    detached = refs.parse_advertisement(f"{B}\tHEAD\n{A}\trefs/heads/main\n")
    assert refs.choose("HEAD", detached, "r") == Advertised(B)


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("remote: Repository not found.\nfatal: repository 'https://h/r/' not found", "no repository at this address"),
        ("fatal: '/x' does not appear to be a git repository", "no repository at this address"),
        ("fatal: Authentication failed for 'https://h/r/'", "refused the credentials"),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "refused the credentials"),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403", "refused the credentials"),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", "host name cannot be resolved"),
        ("fatal: unable to access 'https://h/': server certificate verification failed.", "certificate is not trusted"),
        (
            "fatal: unable to access 'https://h/': Failed to connect to h port 443: Connection refused",
            "cannot be reached",
        ),
        ("", "git gave no reason"),
    ],
)
def test_unreachable_says_what_to_look_at(stderr: str, words: str) -> None:
    error = failures.unreachable("https://h/r", stderr)
    assert isinstance(error, Retry)
    assert error.reason is Reason.RepositoryUnreachable
    assert words in error.message


def test_a_busy_host_is_given_a_minute() -> None:
    error = failures.unreachable("https://h/r", "fatal: unable to access: The requested URL returned error: 429")
    assert isinstance(error, Retry)
    assert error.after == 60


@pytest.mark.parametrize(
    ("stderr", "status", "kind", "reason"),
    [
        ("fatal: ... The requested URL returned error: 403", "", Stalled, Reason.PushForbidden),
        (
            "remote: Write access to repository not granted.\nfatal: Authentication failed",
            "",
            Stalled,
            Reason.PushForbidden,
        ),
        ("remote: x", "[remote rejected] (protected branch hook declined)", Stalled, Reason.PushForbidden),
        (
            "remote: fatal: Unable to write: Permission denied",
            "[remote rejected] (unpacker error)",
            Stalled,
            Reason.PushForbidden,
        ),
        (
            "remote: fatal: No space left on device",
            "[remote rejected] (unpacker error)",
            Retry,
            Reason.RepositoryUnreachable,
        ),
        ("fatal: Could not resolve host: h", "", Retry, Reason.RepositoryUnreachable),
        ("fatal: the remote end hung up unexpectedly", "", Retry, Reason.RepositoryUnreachable),
    ],
)
def test_refused_pushes(stderr: str, status: str, kind: type[AgentError], reason: Reason) -> None:
    error = failures.push_refused("https://h/r", "refs/notes/x", stderr, status)
    assert type(error) is kind
    assert error.reason is reason


@pytest.mark.parametrize(
    ("status", "stderr", "race"),
    [
        ("[rejected] (fetch first)", "", True),
        ("[rejected] (non-fast-forward)", "", True),
        ("[remote rejected] (reference already exists)", "", True),
        ("[remote rejected] (incorrect old value provided)", "", True),
        ("[remote rejected] (failed to update ref)", "", True),
        ("[remote rejected] (failed to update ref)", "error: cannot lock: Permission denied", False),
        ("[remote rejected] (pre-receive hook declined)", "", False),
    ],
)
def test_races_are_told_from_refusals(status: str, stderr: str, race: bool) -> None:
    assert failures.is_race(status, stderr) is race


def test_the_server_s_own_words_have_no_credentials() -> None:
    text = failures.first_line("warning: x\nfatal: unable to access 'https://bob:hunter2@h/r/': no\n")
    assert text == "fatal: unable to access 'https://h/r/': no"


def test_a_server_that_fails_in_the_middle_does_not_damage_a_mirror() -> None:
    stderr = "error: RPC failed; HTTP 500 curl 22 The requested URL returned error: 500\nfatal: expected 'packfile'\n"
    assert failures.first_line(stderr).startswith("error: RPC failed; HTTP 500")
    assert not failures.is_corrupt(stderr)
    assert failures.is_corrupt("fatal: packfile pack/pack-1.pack is invalid")
