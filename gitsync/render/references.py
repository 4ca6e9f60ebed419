"""What a kustomization names: files, in whichever of its fields, and where in its text.

Pure over parsed content; knows the fields of the kustomization file and of Kustomize's own plugins,
and nothing of what is in the commit. What has an unexpected form is Kustomize's to complain about.
"""

import re
from collections.abc import Iterator

import yaml

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from operator_core.jsonvalues import Json, Object, dig

_REMOTE = re.compile(r"://|^git::|^[^/]*@[^/]*:|^(www\.)?github\.com[/:]|^gh:|[?&](ref|version)=", re.IGNORECASE)
GENERATED = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
"""Fields that make objects, and of which kind."""
HELM = "HelmChartInflationGenerator"


def is_remote(reference: str) -> bool:
    """Whether Kustomize may take a reference for one to another host; rather too often than not often enough."""
    return _REMOTE.search(reference) is not None


def is_inline(reference: str) -> bool:
    """Whether what may be a path is the content itself."""
    return "\n" in reference or reference.lstrip().startswith("{")


def files_of(content: Object) -> Iterator[str]:
    """References to single files of a kustomization."""
    yield from texts(content.get("crds"))
    yield from texts(content.get("configurations"))
    yield from texts([dig(content, "openapi", "path")])
    yield from (text for text in texts(content.get("patchesStrategicMerge")) if not is_inline(text))
    for name in ("patches", "patchesJson6902", "replacements"):
        yield from texts([one.get("path") for one in maps(content.get(name))])
    for name in GENERATED:
        for one in maps(content.get(name)):
            yield from _sources(one)


def _sources(generator: Object) -> Iterator[str]:
    """Files a ConfigMap or a Secret is made of: `path` or `key=path`, and files of variables."""
    for source in texts(generator.get("files")):
        yield source.partition("=")[2] if "=" in source else source
    yield from texts(generator.get("envs"))
    yield from texts([generator.get("env")])


def plugin_files(text: str) -> list[str]:
    """Files that configurations of Kustomize's own plugins name; HELM among them where a chart is asked for."""
    try:
        documents = [one.value for one in yamlgo.load_all(text) if isinstance(one.value, dict)]
    except YamlError:
        return []  # Kustomize says it, with the place.
    return [reference for one in documents for reference in _plugin_files(one)]


def _plugin_files(content: Object) -> list[str]:
    match content.get("kind"):
        case "ConfigMapGenerator" | "SecretGenerator":
            return list(_sources(content))
        case "PatchTransformer" | "PatchJson6902Transformer":
            return texts([content.get("path")])
        case "PatchStrategicMergeTransformer":
            return [path for path in texts(content.get("paths")) if not is_inline(path)]
        case "ReplacementTransformer":
            return texts([item.get("path") for item in maps(content.get("replacements"))])
        case "HelmChartInflationGenerator":
            return [HELM]
        case _:
            return []


def place(text: str, token: str) -> tuple[int, int]:
    """Line and column of the scalar that holds `token` in a sound YAML text; zeros when there is none."""
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent) and (event.value == token or event.value.endswith(f"={token}")):
            mark = event.start_mark
            return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    return 0, 0


def texts(value: Json) -> list[str]:
    """The texts of a list; none when it is no list."""
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []


def maps(value: Json) -> list[Object]:
    """The maps of a list; none when it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
