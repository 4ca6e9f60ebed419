"""Argo CD's file patterns, and links followed inside a tree that is not a file system."""

import pytest

from gitsync.git import trees
from gitsync.render import globs, links
from operator_core.errors import Stalled


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.yaml", "a.yaml", True),
        ("*.yaml", "deep/down/a.yaml", True),
        ("some-dir/*", "some-dir/a/b.yaml", True),
        ("some-dir/*", "other/some-dir/a", False),
        ("**/a.yaml", "x/y/a.yaml", True),
        ("?.yaml", "ab.yaml", False),
        ("[ab].yaml", "b.yaml", True),
        ("[!ab].yaml", "b.yaml", False),
        ("[a-c]x", "bx", True),
        ("{a,b}.yaml", "b.yaml", True),
        ("{a,b}.yaml", "ab.yaml", False),
        ("{a,b/{c,d*}}.json", "b/dx.json", True),
        ("{,x}y", "y", True),
        ("\\*.yaml", "*.yaml", True),
        ("\\*.yaml", "a.yaml", False),
        ("\\{a\\}", "{a}", True),
        ("a.yaml", "aXyaml", False),
        ("A.yaml", "a.yaml", False),
        ("", "", True),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert globs.matches(pattern, path) is expected


@pytest.mark.parametrize("pattern", ["{a", "{a,{b}", "{a,b}" * 9])
def test_patterns_that_cannot_be_read_are_named(pattern: str) -> None:
    with pytest.raises(Stalled, match="the pattern"):
        globs.matches(pattern, "x")


def test_a_hostile_pattern_takes_no_time() -> None:
    assert globs.matches("*a" * 60 + "b", "a" * 3000) is False


class Tree:
    """A tree of files, and links as `name -> target`."""

    def __init__(self, files: list[str], targets: dict[str, str], submodules: tuple[str, ...] = ()) -> None:
        self.entries = {name: trees.File(name, "100644", f"blob of {name}", 1) for name in files}
        self.entries |= {name: trees.File(name, trees.SYMLINK, target, 1) for name, target in targets.items()}
        self.entries |= {name: trees.File(name, trees.SUBMODULE, "0", 0) for name in submodules}

    def file(self, path: str) -> trees.File | None:
        return self.entries.get(path)

    def has_directory(self, path: str) -> bool:
        return any(name.startswith(f"{path}/") for name in self.entries)


def followed(targets: dict[str, str], start: str = "apps/link") -> str:
    tree = Tree(["apps/real", "shared/deep/x", "root"], targets, ("module",))
    match links.follow(tree.entries[start], tree, lambda blob: blob.encode()):
        case links.Reached(file, passed):
            return f"{file.path} after {len(passed)}"
        case links.Nothing(path, why, _):
            return f"{path}: {why}"
        case links.Refused(why):
            return why


@pytest.mark.parametrize(
    ("target", "more", "expected"),
    [
        ("real", {}, "apps/real after 1"),
        ("./real", {}, "apps/real after 1"),
        ("../apps//real", {}, "apps/real after 1"),
        ("../shared/deep/x", {}, "shared/deep/x after 1"),
        ("../dir/x", {"dir": "shared/deep"}, "shared/deep/x after 2"),
        ("../dir/../../root", {"dir": "shared/deep"}, "root after 2"),
        ("second", {"apps/second": "third", "apps/third": "real"}, "apps/real after 3"),
        ("../nothing", {}, "nothing: its target does not exist"),
        ("../root/x", {}, "root: its target is not a regular file"),
        ("../shared", {}, "shared: its target is a directory"),
        ("../module", {}, "module: its target is not a regular file"),
        ("/apps/real", {}, "its target is an absolute path"),
        ("second", {"apps/second": "/etc/passwd"}, "its target is an absolute path"),
        ("../../x", {}, "it leads out of the repository"),
        ("../shared/../../apps/real", {}, "it leads out of the repository"),
        ("../up/x", {"up": "../.."}, "it leads out of the repository"),
        ("../.git/config", {}, "it leads into .git"),
        ("../.GIT/config", {}, "it leads into .git"),
        ("link", {}, "it leads in a circle"),
        ("second", {"apps/second": "link"}, "it leads in a circle"),
    ],
)
def test_links(target: str, more: dict[str, str], expected: str) -> None:
    assert followed({"apps/link": target, **more}) == expected
