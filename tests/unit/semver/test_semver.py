"""What constraints pick; the tables follow Masterminds/semver, which Argo CD and Helm use."""

import pytest

from gitsync.model import semver

TAGS = ["v0.0.3", "v0.2.3", "0.2.9", "v1.0.0", "1.2.0", "1.2.3", "1.2.10", "1.3.0-rc.1", "v2.0.0-beta", "v2.1", "3.0.0"]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("*", "3.0.0"),
        ("x", "3.0.0"),
        (">=0-0", "3.0.0"),
        ("1.2.*", "1.2.10"),
        ("1.2.x", "1.2.10"),
        ("1.x", "1.2.10"),
        ("v1.x", "1.2.10"),
        ("~1.2", "1.2.10"),
        ("~1.2.0", "1.2.10"),
        ("~>1.2.4", "1.2.10"),
        ("~1", "1.2.10"),
        ("^1.2", "1.2.10"),
        ("^0.2.3", "0.2.9"),
        ("^0.0.3", "v0.0.3"),
        ("^0.0", "v0.0.3"),
        ("^0", "0.2.9"),
        ("^2", "v2.1"),
        (">1", "3.0.0"),
        (">1 <3", "v2.1"),
        (">1, <3", "v2.1"),
        (">=1.2.3 <1.2.10", "1.2.3"),
        ("<=1.2", "1.2.10"),
        ("<1.2", "v1.0.0"),
        ("<=1", "1.2.10"),
        ("1.0 - 1.2.5", "1.2.3"),
        ("=1.2.3", "1.2.3"),
        ("!=3.0.0", "v2.1"),
        ("!=3.x, !=2.x", "1.2.10"),
        ("0.2.x || ~1.2.0 || 9.x", "1.2.10"),
        (">=1.3-0 <2", "v2.0.0-beta"),
        ("~1.3-0", "1.3.0-rc.1"),
        ("^1.3.0-0", "1.3.0-rc.1"),
        ("~1.3", None),
        (">3", None),
        ("4.x", None),
    ],
)
def test_the_highest_that_fits(text: str, tag: str | None) -> None:
    wanted = semver.constraint(text)
    assert wanted is not None
    assert semver.newest(wanted, TAGS) == tag


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "v1.2", "1", "main", "release-1.x", "a.b", "1.2.3.4", ">", "1.2,,1.3", "^^1", "feature/x", "1.2 main"],
)
def test_what_is_no_constraint(text: str) -> None:
    assert semver.constraint(text) is None


def test_versions_sort_as_semver_says() -> None:
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]
    versions = [semver.version(text) for text in order]
    assert versions == sorted((one for one in versions if one), key=lambda one: one.precedence)
    assert semver.version("release-1") is None
    assert semver.newest(semver.constraint("*"), ["1.0.0+a", "1.0.0+b"]) == "1.0.0+a"  # type: ignore[arg-type]
