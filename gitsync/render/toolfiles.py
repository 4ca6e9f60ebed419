"""`.argocd-source.yaml`: tool options that stand beside the manifests and are merged into a source.

Pure. The files are the accepted place for other programs to write an image or a version back to Git; they
change options of a tool and never where the source is. Rules: Argo CD, "Parameter Overrides": the general
file first, then the app's own, as JSON merge patches; repoURL, path, targetRevision and chart stay.
"""

from collections.abc import Callable

from gitsync.git import trees
from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model import sources
from gitsync.model.rendersets import InputFile, RenderError
from gitsync.render.applicationsets import merge_patched
from operator_core.jsonvalues import Json, Object

_FIXED = ("chart", "path", "repoURL", "targetRevision")


def names(app: str, namespace: str, control_namespace: str) -> tuple[str, str]:
    """The file for every app of the directory and the one for this app; its namespace counts outside the agent's."""
    own = app if namespace == control_namespace else f"{namespace}_{app}"
    return ".argocd-source.yaml", f".argocd-source-{own}.yaml"


def merged(
    source: Object, files: tuple[str, str], directory: str, tree: trees.Listing, read: Callable[[str], bytes]
) -> tuple[Object, tuple[InputFile, ...], tuple[RenderError, ...]]:
    """A source with the options of the files that exist, what was looked at, and what is wrong with them.

    A place where no file is counts as looked at: it matters once there is one.
    """
    result: Object = dict(source)
    inputs: list[InputFile] = []
    errors: list[RenderError] = []
    for name in files:
        path = f"{directory}/{name}" if directory else name
        file = tree.file(path)
        if file is None:
            inputs.append(InputFile(path, ""))
            continue
        inputs.append(InputFile(path, file.blob))
        if file.mode in (trees.SYMLINK, trees.SUBMODULE):
            errors.append(RenderError(path, 0, 0, "it must be a regular file"))
            continue
        answer = _options(read(file.blob), path)
        if isinstance(answer, RenderError):
            errors.append(answer)
        else:
            result = merge_patched(result, answer)
    for key in _FIXED:
        result.pop(key, None)
        if key in source:
            result[key] = source[key]
    tools = sources.tools(result)
    if len(tools) > 1:
        places = ", ".join(one.path for one in inputs if one.blob) or "the source"
        errors.append(RenderError(places, 0, 0, f"{' and '.join(tools)} are given: a source has one tool at most"))
    return result, tuple(inputs), tuple(errors)


def _options(content: bytes, path: str) -> Object | RenderError:
    try:
        values: list[Json] = [
            one.value for one in yamlgo.load_all(content.decode("utf-8-sig")) if one.value is not None
        ]
    except UnicodeDecodeError:
        return RenderError(path, 0, 0, "not UTF-8 text")
    except YamlError as error:
        return RenderError(path, error.line, error.column, error.message)
    if len(values) > 1 or not all(isinstance(one, dict) for one in values):
        return RenderError(path, 0, 0, "it must hold one map of options of a source")
    return values[0] if values else {}
