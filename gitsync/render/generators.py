"""Parameter sets of an ApplicationSet: the generators list, git directories, git files and matrix.

Pure; what is in a repository is asked of a `Look`. A generator, or a field of one, that is not among
these refuses the whole set by name. Rules: Argo CD, "Generators"; with `goTemplate` parameters are
nested values, without it they are flat texts.
"""

import fnmatch
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render import gotemplatefunctions, gotemplates
from gitsync.render.gotemplatefunctions import TemplateError
from operator_core.jsonvalues import Json, Object

Parameters = dict[str, Json]
MOST_SETS = 5_000
_WITHOUT_EFFECT = ("requeueAfterSeconds",)
_LIST = ("elements", "elementsYaml")
_GIT = ("repoURL", "revision", "directories", "files", "values", "pathParamPrefix")


class Refusal(ValueError):
    """A set that is not followed: the field, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


class Repository(Protocol):
    """One commit of a repository."""

    def directories(self) -> list[str]:
        """Every directory, relative to the root."""

    def files(self) -> list[str]:
        """Every regular file, relative to the root."""

    def read(self, path: str) -> str:
        """The text of a file."""


Look = Callable[[str, str], Repository]
"""(repository URL, revision) -> what is there; raises Refusal for one that may not be read."""


@dataclass(frozen=True, slots=True)
class Templating:
    """How texts are filled in. `strict`: a key that is missing is an error (only Go templates tell)."""

    go: bool
    strict: bool = True

    def text(self, template: str, parameters: Parameters) -> str:
        """One text. Raises TemplateError."""
        if self.go:
            return gotemplates.render(template, parameters, missing_is_error=self.strict)
        return gotemplatefunctions.joined(_replaced(template, parameters))

    def all(self, value: Json, parameters: Parameters) -> Json:
        """Every text of a value, keys too."""
        if isinstance(value, str):
            return self.text(value, parameters) if "{{" in value else value
        if isinstance(value, dict):
            return {self.all(key, parameters): self.all(item, parameters) for key, item in value.items()}
        return [self.all(item, parameters) for item in value] if isinstance(value, list) else value


def _replaced(template: str, parameters: Parameters) -> Iterator[str]:
    """`{{name}}` by the parameter; an unknown name stays as it is, as fasttemplate leaves it."""
    position = 0
    while (start := template.find("{{", position)) >= 0 and (end := template.find("}}", start)) >= 0:
        value = parameters.get(template[start + 2 : end].strip())
        yield template[position:start]
        yield value if isinstance(value, str) else template[start : end + 2]
        position = end + 2
    yield template[position:]


def generate(generator: Object, field: str, templating: Templating, look: Look) -> Iterator[Parameters]:
    """The parameter sets of one generator. Raises Refusal, and TemplateError from templates inside it."""
    kinds = [key for key in generator if key not in ("template", "selector")]
    if generator.get("selector"):
        raise Refusal(f"{field}.selector", "is not supported")
    if len(kinds) != 1:
        raise Refusal(field, f"must have exactly one generator and has {', '.join(kinds) or 'none'}")
    (kind,) = kinds
    given = generator[kind]
    if not isinstance(given, dict):
        raise Refusal(f"{field}.{kind}", "must be a map")
    place = f"{field}.{kind}"
    match kind:
        case "list":
            yield from _listed(given, place, templating)
        case "git":
            yield from _from_git(given, place, templating, look)
        case "matrix":
            yield from _matrix(given, place, templating, look)
        case _:
            raise Refusal(place, "is a generator that is not supported (list, git and matrix are)")


def _known(given: Object, names: tuple[str, ...], field: str) -> None:
    for key, value in given.items():
        if key not in (*names, *_WITHOUT_EFFECT, "template") and value not in (None, "", [], {}, False):
            raise Refusal(f"{field}.{key}", "is not supported")


def _listed(given: Object, field: str, templating: Templating) -> Iterator[Parameters]:
    _known(given, _LIST, field)
    elements = list(given.get("elements") or [])
    if given.get("elementsYaml"):
        elements += _yaml_list(str(given["elementsYaml"]), f"{field}.elementsYaml")
    for number, element in enumerate(elements):
        if not isinstance(element, dict):
            raise Refusal(f"{field}.elements[{number}]", "must be a map")
        yield element if templating.go else dict(_texts(element, f"{field}.elements[{number}]"))


def _texts(element: Object, field: str) -> Iterator[tuple[str, str]]:
    """An element without Go templates: texts, and one map of texts called `values`."""
    for key, value in element.items():
        if key == "values" and isinstance(value, dict):
            for name, text in value.items():
                yield f"values.{name}", _one_text(text, f"{field}.values.{name}")
        else:
            yield key, _one_text(value, f"{field}.{key}")


def _one_text(value: Json, field: str) -> str:
    if not isinstance(value, str):
        raise Refusal(field, "must be text, or set goTemplate: true")
    return value


def _yaml_list(text: str, field: str) -> list[Json]:
    try:
        value = [document.value for document in yamlgo.load_all(text)]
    except YamlError as error:
        raise Refusal(field, f"is not YAML: {error}") from error
    if len(value) != 1 or not isinstance(value[0], list):
        raise Refusal(field, "must be one list")
    return value[0]


def _from_git(given: Object, field: str, templating: Templating, look: Look) -> Iterator[Parameters]:
    _known(given, _GIT, field)
    if not given.get("repoURL"):
        raise Refusal(f"{field}.repoURL", "is missing")
    if bool(given.get("directories")) == bool(given.get("files")):
        raise Refusal(field, "must have either directories or files")
    repository = look(str(given["repoURL"]), str(given.get("revision") or "HEAD"))
    prefix = str(given.get("pathParamPrefix") or "")
    found: Iterator[Parameters]
    if given.get("directories"):
        found = (_with_path({}, path, "", prefix, templating) for path in _directories(given, field, repository))
    else:
        found = _file_sets(given, field, repository, prefix, templating)
    for parameters in found:
        yield _with_values(parameters, given.get("values"), f"{field}.values", templating)


def _patterns(items: Json, field: str) -> tuple[list[str], list[str]]:
    """Patterns that include and that exclude; an exclusion wins wherever it stands."""
    include: list[str] = []
    exclude: list[str] = []
    for number, item in enumerate(items if isinstance(items, list) else [items]):
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            raise Refusal(f"{field}[{number}].path", "is missing")
        (exclude if item.get("exclude") else include).append(item["path"])
    return include, exclude


def _directories(given: Object, field: str, repository: Repository) -> Iterator[str]:
    include, exclude = _patterns(given["directories"], f"{field}.directories")
    for path in sorted(repository.directories()):
        if any(step.startswith(".") for step in path.split("/")):
            continue
        if any(path_matches(one, path) for one in include) and not any(path_matches(one, path) for one in exclude):
            yield path


def _file_sets(
    given: Object, field: str, repository: Repository, prefix: str, templating: Templating
) -> Iterator[Parameters]:
    include, exclude = _patterns(given["files"], f"{field}.files")
    for path in sorted(repository.files()):
        if not any(listed(one, path) for one in include) or any(listed(one, path) for one in exclude):
            continue
        for content in _contents(repository.read(path), path):
            base: Parameters = dict(content) if templating.go else flattened(content)
            directory, _, name = path.rpartition("/")
            yield _with_path(base, directory, name, prefix, templating)


def _contents(text: str, path: str) -> list[Object]:
    """One map, a list of maps, or nothing, which counts as an empty map."""
    try:
        values = [document.value for document in yamlgo.load_all(text)]
    except YamlError as error:
        raise Refusal(path, f"is not YAML or JSON: {error}") from error
    value = values[0] if values else None
    if value is None:
        return [{}]
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Refusal(path, "must hold a map or a list of maps")
    return items


def flattened(value: Json, prefix: str = "") -> Parameters:
    """Nested values as flat texts, keys joined by dots, list items by their position."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {prefix: gotemplatefunctions.go_text(gotemplatefunctions.as_parameters(value))}
    found: Parameters = {}
    for key, item in pairs:
        found.update(flattened(item, f"{prefix}.{key}" if prefix else str(key)))
    return found


def _with_path(base: Parameters, directory: str, file: str, prefix: str, templating: Templating) -> Parameters:
    """The parameters that say where a set comes from."""
    name = posixpath.basename(directory) or "."
    facts: Parameters = {"basename": name, "basenameNormalized": gotemplatefunctions.sanitized(name)}
    if file:
        facts |= {"filename": file, "filenameNormalized": gotemplatefunctions.sanitized(file)}
    segments = (directory or ".").split("/")
    if templating.go:
        path: Parameters = {"path": {"path": directory or ".", **facts, "segments": segments}}
        return {**base, **({prefix: path} if prefix else path)}
    root = f"{prefix}.path" if prefix else "path"
    flat = {root: directory or ".", **{f"{root}.{key}": value for key, value in facts.items()}}
    return {**base, **flat, **{f"{root}[{number}]": step for number, step in enumerate(segments)}}


def _with_values(parameters: Parameters, values: Json, field: str, templating: Templating) -> Parameters:
    if not values:
        return parameters
    if not isinstance(values, dict):
        raise Refusal(field, "must be a map of texts")
    filled = {key: templating.text(_one_text(value, f"{field}.{key}"), parameters) for key, value in values.items()}
    if templating.go:
        return {**parameters, "values": filled}
    return {**parameters, **{f"values.{key}": value for key, value in filled.items()}}


def _matrix(given: Object, field: str, templating: Templating, look: Look) -> Iterator[Parameters]:
    _known(given, ("generators",), field)
    children = given.get("generators")
    if not isinstance(children, list) or len(children) != 2 or not all(isinstance(one, dict) for one in children):
        raise Refusal(f"{field}.generators", "must be exactly two generators")
    if field.count(".matrix") > 2:
        raise Refusal(field, "is nested too deeply")
    for first in generate(children[0], f"{field}.generators[0]", templating, look):
        second = templating.all(children[1], first)
        for more in generate(second, f"{field}.generators[1]", templating, look):
            yield _combined(first, more, field, templating)


def _combined(first: Parameters, second: Parameters, field: str, templating: Templating) -> Parameters:
    if templating.go:
        return merged(first, second)
    for key in first.keys() & second.keys():
        if first[key] != second[key]:
            raise Refusal(field, f"gives the parameter {key!r} two values; set pathParamPrefix, or rename it")
    return {**first, **second}


def merged(base: Mapping[str, Json], over: Mapping[str, Json]) -> Parameters:
    """Two maps as one, deeply; `over` wins."""
    result = dict(base)
    for key, value in over.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


def path_matches(pattern: str, path: str) -> bool:
    """Go's path.Match: `*` and `?` stay within a directory. Raises Refusal for a pattern that cannot be read."""
    wanted, steps = pattern.split("/"), path.split("/")
    if len(wanted) != len(steps):
        return False
    # fnmatch's expressions take no exponential time, whatever is between the stars.
    return all(fnmatch.fnmatchcase(step, _as_fnmatch(one)) for one, step in zip(wanted, steps, strict=True))


def _as_fnmatch(pattern: str) -> str:
    text, position = "", 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "[":
            end = pattern.find("]", position + 1)
            if end < 0:
                raise Refusal(json.dumps(pattern), "is a pattern with a '[' and no ']'")
            inside = pattern[position:end]
            # Go negates by '^' alone; a '!' at the start is a character like any other.
            text += (
                f"[!{inside[1:]}]"
                if inside.startswith("^")
                else f"[{inside[1:]}!]"
                if inside[0] == "!"
                else f"[{inside}]"
            )
            position = end + 1
        elif char == "\\" and position < len(pattern):
            text += f"[{pattern[position]}]"
            position += 1
        else:
            text += char
    return text


def listed(pattern: str, path: str) -> bool:
    """Whether `git ls-files PATTERN` names the file: `*` crosses `/`, and a directory stands for all below it."""
    plain = pattern.strip("/")
    return path == plain or path.startswith(f"{plain}/") or fnmatch.fnmatchcase(path, pattern.replace("[^", "[!"))


__all__ = ["MOST_SETS", "Look", "Parameters", "Refusal", "Repository", "TemplateError", "Templating", "generate"]
