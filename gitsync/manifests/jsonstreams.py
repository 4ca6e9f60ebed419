"""JSON values one after the other, and what every reader of manifests reports.

Pure. Kubernetes' decoder takes several JSON objects in one stream and goes on with YAML behind a
`---`; a .json file of Argo CD's directory type holds exactly one. Numbers follow `goscalars`.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import NoReturn

from gitsync.manifests import goscalars
from operator_core.jsonvalues import Json, Object


class YamlError(ValueError):
    """Why a text is not what Kubernetes would accept. `line` and `column` start at 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class Warned:
    """Something Kubernetes accepts and a person should know."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `line` is where its content starts. Empty documents have the value None."""

    value: Json
    line: int
    warnings: tuple[Warned, ...] = ()


def load_json(text: str) -> Document:
    """The one JSON value of a .json file; raises YamlError for anything else, also for a second value."""
    start = _past_space(text, 0)
    document, end = _json_value(text, start)
    second = _past_space(text, end)
    if second < len(text):
        raise YamlError(text.count("\n", 0, second) + 1, 1, "a .json file must hold exactly one object")
    return document


def leading(text: str) -> Generator[Document, None, int]:
    """The JSON objects a stream starts with; returns where YAML has to go on, if it has to."""
    position = 0
    while True:
        start = _past_space(text, position)
        if start == len(text) or (position and text.startswith("---", start)):
            return start
        try:
            document, position = _json_value(text, start)
        except YamlError:
            if position:
                raise
            return 0
        yield document


def _past_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _json_value(text: str, start: int) -> tuple[Document, int]:
    line = text.count("\n", 0, start) + 1
    warnings: list[Warned] = []

    def unique(pairs: list[tuple[str, Json]]) -> Object:
        built: Object = {}
        for name, value in pairs:
            if name in built:
                warnings.append(Warned(line, 1, f"the key {name!r} is given twice; the last one counts"))
            built[name] = value
        return built

    decoder = json.JSONDecoder(
        object_pairs_hook=unique, parse_int=_json_int, parse_float=_json_float, parse_constant=_json_constant
    )
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise YamlError(error.lineno, error.colno, f"not JSON: {error.msg}") from error
    except goscalars.ScalarError as error:
        raise YamlError(line, 1, str(error)) from error
    except RecursionError as error:
        raise YamlError(line, 1, "nested too deeply") from error
    return Document(value, line, tuple(warnings)), end


def _json_int(text: str) -> Json:
    return goscalars.json_value(int(text)) if len(text) < 400 else _json_float(text)


def _json_float(text: str) -> Json:
    return goscalars.json_value(float(text))


def _json_constant(text: str) -> NoReturn:
    raise goscalars.ScalarError(f"{text} is not a number JSON knows")
