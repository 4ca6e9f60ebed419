"""What README and docs say of this repository: files they name are there, commands and options they show exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gitsync.cli import main

TOP = Path(__file__).parents[3]
_PATTERNS = ("README.md", "CHANGELOG.md", "docs/*.md", "deploy/*/README.md", "repo-layout-example/README.md")
PAGES = sorted(page for pattern in _PATTERNS for page in TOP.glob(pattern))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
PLACE = re.compile(r"`((?:tests|operator_core|docs|deploy|repo-layout-example)/[\w./-]+)`")
TEST = re.compile(r"`(test_\w+\.py)`")
ROW = re.compile(r"^\| F\d+ \|.*$", re.MULTILINE)
CODE = re.compile(r"```[a-z]*\n(.*?)```|`(gitsync [^`]+)`", re.DOTALL)


def shown_commands(text: str) -> Iterator[str]:
    """Every `gitsync …` of a page, in a block of code or in a line, without comments and prompts."""
    for block, inline in CODE.findall(text):
        for line in (block or inline).splitlines():
            shown = line.strip().removeprefix("$ ").partition(" #")[0].strip()
            if re.match(r"gitsync [a-z]", shown):
                yield shown


def words_of(shown: str) -> list[str]:
    try:
        return shlex.split(shown.rstrip("\\"))
    except ValueError:
        return shown.split()


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that `words` name, and what stands behind it."""
    found: click.Command = main.cli
    rest = words
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        inner = found.get_command(click.Context(found), rest[0].rstrip(",;"))
        assert inner is not None, rest[0]
        found, rest = inner, rest[1:]
    return found, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [name for name in LINK.findall(text) if not (page.parent / name).exists()]
    missing += [name for name in PLACE.findall(text) if not (TOP / name).exists()]
    missing += re.findall(r"^(?:<{7}|>{7}) .*", text, re.MULTILINE)
    missing += [name for name in TEST.findall(text) if not list((TOP / "tests").rglob(name))]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_commands_that_a_page_shows_exist_with_their_options(page: Path) -> None:
    for shown in shown_commands(page.read_text()):
        if "|" in shown:  # Alternatives in one line of an overview.
            continue
        command, rest = command_of(words_of(shown)[1:])
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
        options = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        if command.context_settings.get("ignore_unknown_options"):
            continue
        assert set(options) <= known, f"{shown}: there is no {sorted(set(options) - known)}"


def test_every_feature_that_works_names_what_shows_it() -> None:
    rows = [match[0] for match in ROW.finditer((TOP / "docs" / "features.md").read_text())]
    assert len(rows) > 50
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if "**works**" in cells[-2]:
            assert "`" in cells[-1], row
