"""Parameter sets from a repository: one per directory, or one per file of parameters.

Pure over a `Look`. Rules: Argo CD, "Git Generator".
"""

import posixpath
from collections.abc import Iterator

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render import gotemplatevalues
from gitsync.render.parametersets import Look, Parameters, Refusal, Repository, Templating, check_known, one_text
from gitsync.render.pathpatterns import listed, path_matches
from operator_core.jsonvalues import Json, Object

_GIT = ("repoURL", "revision", "directories", "files", "values", "pathParamPrefix")


def from_git(given: Object, field: str, templating: Templating, look: Look) -> Iterator[Parameters]:
    """The parameter sets of directories or files. Raises Refusal."""
    check_known(given, _GIT, field)
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
        return {prefix: gotemplatevalues.go_text(gotemplatevalues.as_parameters(value))}
    found: Parameters = {}
    for key, item in pairs:
        found.update(flattened(item, f"{prefix}.{key}" if prefix else str(key)))
    return found


def _with_path(base: Parameters, directory: str, file: str, prefix: str, templating: Templating) -> Parameters:
    """The parameters that say where a set comes from."""
    name = posixpath.basename(directory) or "."
    facts: Parameters = {"basename": name, "basenameNormalized": gotemplatevalues.sanitized(name)}
    if file:
        facts |= {"filename": file, "filenameNormalized": gotemplatevalues.sanitized(file)}
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
    filled = {key: templating.text(one_text(value, f"{field}.{key}"), parameters) for key, value in values.items()}
    if templating.go:
        return {**parameters, "values": filled}
    return {**parameters, **{f"values.{key}": value for key, value in filled.items()}}
