"""Parameter sets of an ApplicationSet: the generators list, git directories, git files and matrix.

Pure; what is in a repository is asked of a `Look`. A generator, or a field of one, that is not among
these refuses the whole set by name. Rules: Argo CD, "Generators"; with `goTemplate` parameters are
nested values, without it they are flat texts.
"""

from collections.abc import Iterator, Mapping

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render import gitgenerators
from gitsync.render.parametersets import Look, Parameters, Refusal, Templating, check_known, one_text
from operator_core.jsonvalues import Json, Object

MOST_SETS = 5_000
_LIST = ("elements", "elementsYaml")


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
            yield from gitgenerators.from_git(given, place, templating, look)
        case "matrix":
            yield from _matrix(given, place, templating, look)
        case _:
            raise Refusal(place, "is a generator that is not supported (list, git and matrix are)")


def _listed(given: Object, field: str, templating: Templating) -> Iterator[Parameters]:
    check_known(given, _LIST, field)
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
                yield f"values.{name}", one_text(text, f"{field}.values.{name}")
        else:
            yield key, one_text(value, f"{field}.{key}")


def _yaml_list(text: str, field: str) -> list[Json]:
    try:
        value = [document.value for document in yamlgo.load_all(text)]
    except YamlError as error:
        raise Refusal(field, f"is not YAML: {error}") from error
    if len(value) != 1 or not isinstance(value[0], list):
        raise Refusal(field, "must be one list")
    return value[0]


def _matrix(given: Object, field: str, templating: Templating, look: Look) -> Iterator[Parameters]:
    check_known(given, ("generators",), field)
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
