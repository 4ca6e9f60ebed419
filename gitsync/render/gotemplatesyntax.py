"""The texts and actions of a Go template, and the blocks they make.

Pure syntax; what an action means is `gotemplates`. A construct that is not known is a TemplateError that names it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gitsync.render.gotemplatevalues import TemplateError

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<variable>\$\w*)
    |(?P<field>\.\w+)
    |(?P<dot>\.)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<mark>:=|=|\||\(|\)|,)
    )""",
    re.VERBOSE,
)
_BLOCKS = ("if", "range", "with")
_NOT_HERE = ("define", "template", "block", "include", "break", "continue")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    spaced: bool


@dataclass(slots=True)
class Node:
    """A text, an output or a block; a block's `parts` are (tokens, body), an else has no tokens."""

    kind: str
    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    parts: list[tuple[list[Token], list["Node"]]] = field(default_factory=list)


def parsed(template: str) -> list[Node]:
    """The template as nodes. Raises TemplateError."""
    return _parsed(_pieces(template))


def _pieces(template: str) -> Iterator[str | list[Token]]:
    """Texts and actions in turn, with trim marks applied."""
    position, trims = 0, False
    while (start := template.find("{{", position)) >= 0:
        end = _end_of_action(template, start + 2)
        inside = template[start + 2 : end]
        text = template[position:start]
        text = text.lstrip() if trims else text
        trims_before = len(inside) > 1 and inside[0] == "-" and inside[1].isspace()
        trims = len(inside) > 1 and inside[-1] == "-" and inside[-2].isspace()
        yield text.rstrip() if trims_before else text
        action = inside[1 if trims_before else 0 : len(inside) - (1 if trims else 0)].strip()
        if not action.startswith("/*"):
            yield list(_tokens(action))
        position = end + 2
    rest = template[position:]
    yield rest.lstrip() if trims else rest


def _end_of_action(template: str, position: int) -> int:
    """Where the `}}` of an action is: the first one outside of its texts, or behind its comment."""
    if template[position : position + 100].lstrip("- \t\r\n").startswith("/*"):
        position = template.find("*/", position)
    while 0 <= position < len(template):
        char = template[position]
        if char in '"`':
            position = _end_of_text(template, position, char)
        elif template.startswith("}}", position):
            return position
        position += 1
    raise TemplateError("an action '{{' is not closed")


def _end_of_text(template: str, position: int, quote: str) -> int:
    position += 1
    while position < len(template) and template[position] != quote:
        position += 2 if quote == '"' and template[position] == "\\" else 1
    return position


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"cannot read {text[position:].strip()!r} in {{{{{text.strip()}}}}}")
        spaced = text[position : match.start(match.lastgroup)] != "" or position == 0
        yield Token(match.lastgroup, match[match.lastgroup], spaced)
        position = match.end()


def _parsed(pieces: Iterator[str | list[Token]]) -> list[Node]:
    top: list[Node] = []
    open_blocks: list[Node] = []
    body = top
    for piece in pieces:
        if isinstance(piece, str):
            body.append(Node("text", text=piece))
            continue
        word = piece[0].text if piece and piece[0].kind == "word" else ""
        if word in _NOT_HERE:
            raise TemplateError(f"{{{{{word}}}}} is not supported")
        if word in _BLOCKS:
            block = Node(word, parts=[(piece[1:], [])])
            body.append(block)
            open_blocks.append(block)
            body = block.parts[-1][1]
        elif word in ("else", "end"):
            if not open_blocks:
                raise TemplateError(f"{{{{{word}}}}} without a block")
            if word == "end":
                open_blocks.pop()
                body = open_blocks[-1].parts[-1][1] if open_blocks else top
            else:
                if len(piece) > 1 and piece[1].text != open_blocks[-1].kind:
                    raise TemplateError(f"{{{{else {piece[1].text}}}}} does not fit its block")
                open_blocks[-1].parts.append((piece[2:], []))
                body = open_blocks[-1].parts[-1][1]
        else:
            body.append(Node("output", tokens=piece))
    if open_blocks:
        raise TemplateError(f"{{{{{open_blocks[-1].kind}}}}} has no {{{{end}}}}")
    return top
