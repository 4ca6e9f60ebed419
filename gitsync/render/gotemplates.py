"""The part of Go's text/template that ApplicationSets are written in, evaluated without Go.

Pure. Text, pipelines, variables, `if`, `range`, `with`, comments and trim marks; functions are in
`gotemplatefunctions`. A construct or a function that is not known, and a key that is missing, is a
TemplateError that names it, so nothing is ever rendered half. Work is bounded. Rules: pkg.go.dev/text/template.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitsync.render import gotemplatefunctions, gotemplatesyntax, gotemplatevalues
from gitsync.render.gotemplatesyntax import Node, Token
from gitsync.render.gotemplatevalues import TemplateError, go_text, is_true
from operator_core.jsonvalues import Json

_MOST_STEPS = 100_000
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}
_CONSTANTS: Mapping[str, Json] = {"true": True, "false": False, "nil": None}


def render(template: str, data: Json, *, missing_is_error: bool = True) -> str:
    """`template` with `data` as the dot. Raises TemplateError."""
    nodes = gotemplatesyntax.parsed(template)
    data = gotemplatevalues.as_parameters(data)
    scope = _Scope(missing_is_error)
    return gotemplatevalues.joined(_run(nodes, data, {"$": data}, scope))


@dataclass(slots=True)
class _Scope:
    missing_is_error: bool
    steps: int = 0

    def count(self) -> None:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise TemplateError(f"the template takes more than {_MOST_STEPS} steps")


def _run(nodes: list[Node], dot: Json, variables: dict[str, Json], scope: _Scope) -> Iterator[str]:
    for node in nodes:
        scope.count()
        if node.kind == "text":
            yield node.text
        elif node.kind == "output":
            name, value = _assigned(node.tokens, dot, variables, scope)
            if name is None:
                yield go_text(value)
        else:
            yield from _block(node, dot, variables, scope)


def _block(node: Node, dot: Json, variables: dict[str, Json], scope: _Scope) -> Iterator[str]:
    for tokens, body in node.parts:
        inner = dict(variables)
        if not tokens:
            yield from _run(body, dot, inner, scope)
            return
        if node.kind == "range":
            items = list(_ranged(tokens, dot, inner, scope))
            for item, names in items:
                yield from _run(body, item, {**inner, **names}, scope)
            if items:
                return
            continue
        _, value = _assigned(tokens, dot, inner, scope)
        if is_true(value):
            yield from _run(body, value if node.kind == "with" else dot, inner, scope)
            return


def _ranged(
    tokens: list[Token], dot: Json, variables: dict[str, Json], scope: _Scope
) -> Iterator[tuple[Json, dict[str, Json]]]:
    start = next((number for number, token in enumerate(tokens) if token.text == ":="), -1) + 1
    names = [token.text for token in tokens[:start] if token.kind == "variable"]
    value = _Evaluation(tokens[start:], dot, variables, scope).pipeline()
    if isinstance(value, dict):
        pairs: list[tuple[Json, Json]] = sorted(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    elif value is None:
        pairs = []
    elif isinstance(value, int) and not isinstance(value, bool):
        pairs = [(number, number) for number in range(min(value, _MOST_STEPS))]
    else:
        raise TemplateError(f"range needs a list or a map and got {go_text(value)!r}")
    for key, item in pairs:
        scope.count()
        given = (key, item) if len(names) == 2 else (item,)
        yield item, dict(zip(names, given, strict=False))


def _assigned(tokens: list[Token], dot: Json, variables: dict[str, Json], scope: _Scope) -> tuple[str | None, Json]:
    """The value of a pipeline, and the variable it was given to."""
    name = None
    if len(tokens) > 1 and tokens[0].kind == "variable" and tokens[1].text in (":=", "="):
        name, tokens = tokens[0].text, tokens[2:]
    value = _Evaluation(tokens, dot, variables, scope).pipeline()
    if name is not None:
        variables[name] = value
    return name, value


class _Evaluation:
    """One pipeline's tokens and where reading stands in them."""

    def __init__(self, tokens: list[Token], dot: Json, variables: Mapping[str, Json], scope: _Scope) -> None:
        self._tokens = tokens
        self._dot = dot
        self._variables = variables
        self._scope = scope
        self._position = 0

    def pipeline(self) -> Json:
        """The value of all of it."""
        value = self._piped()
        if self._position < len(self._tokens):
            raise TemplateError(f"unexpected {self._tokens[self._position].text!r}")
        return value

    def _piped(self) -> Json:
        value = self._command([])
        while self._peek("|"):
            self._position += 1
            value = self._command([value])
        return value

    def _peek(self, text: str) -> bool:
        return self._position < len(self._tokens) and self._tokens[self._position].text == text

    def _command(self, piped: list[Json]) -> Json:
        self._scope.count()
        if self._position >= len(self._tokens):
            raise TemplateError("an action has no value")
        first = self._tokens[self._position]
        if first.kind == "word" and first.text not in _CONSTANTS:
            self._position += 1
            return gotemplatefunctions.call(first.text, [*self._operands(), *piped])
        if first.text == "nil":
            raise TemplateError("nil is not a value to print")
        value = self._operand()
        more = list(self._operands())
        if more or piped:
            raise TemplateError(f"{first.text!r} is not a function and takes no arguments")
        return value

    def _operands(self) -> Iterator[Json]:
        while self._position < len(self._tokens) and self._tokens[self._position].text not in ("|", ")"):
            yield self._operand()

    def _operand(self) -> Json:
        token = self._tokens[self._position]
        self._position += 1
        match token.kind:
            case "string":
                return _unquoted(token.text)
            case "number":
                return float(token.text) if any(char in token.text for char in ".eE") else int(token.text)
            case "word" if token.text in _CONSTANTS:
                return _CONSTANTS[token.text]
            case "word":
                return self._fields(gotemplatefunctions.call(token.text, []))
            case "variable":
                return self._fields(self._variable(token.text))
            case "dot":
                return self._fields(self._dot)
            case "field":
                return self._fields(self._field(self._dot, token.text[1:]))
        return self._fields(self._parenthesized(token))

    def _variable(self, name: str) -> Json:
        if name not in self._variables:
            raise TemplateError(f"the variable {name} is not defined")
        return self._variables[name]

    def _parenthesized(self, token: Token) -> Json:
        if token.text != "(":
            raise TemplateError(f"unexpected {token.text!r}")
        value = self._piped()
        if not self._peek(")"):
            raise TemplateError("a '(' is not closed")
        self._position += 1
        return value

    def _fields(self, value: Json) -> Json:
        """The members named right behind an operand, without a space."""
        while self._position < len(self._tokens):
            token = self._tokens[self._position]
            if token.kind != "field" or token.spaced:
                break
            self._position += 1
            value = self._field(value, token.text[1:])
        return value

    def _field(self, value: Json, name: str) -> Json:
        if not isinstance(value, dict):
            raise TemplateError(f"there is no .{name} in {go_text(value)!r}")
        if name not in value and self._scope.missing_is_error:
            raise TemplateError(f"there is no entry {name!r}; known are {', '.join(sorted(value)) or 'none'}")
        return value.get(name)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])
