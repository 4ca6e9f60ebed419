"""Where an app's desired state is and how it is read: the source of an Argo CD Application, field by field.

Pure data. Fields that ask for what the agent does not do are here too: a definition without them would
drop them silently, and half an app would be applied. `refusals` and `ignored` say what becomes of them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, WithJsonSchema

from gitsync.model import chartnames
from gitsync.model.parts import Part
from operator_core.jsonvalues import Json, Object, dig

IntOrText = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True})]
TOOLS = ("directory", "kustomize", "helm", "plugin")
REFUSED: Mapping[str, str] = {
    "plugin": "a plugin runs a program that is not the agent's: commit what it renders",
    "directory.jsonnet": "Jsonnet is not evaluated: commit what it renders",
}
IGNORED: Mapping[str, str] = {
    "name": "a name of a source has no effect",
    "kustomize.version": "the agent has one Kustomize",
    "kustomize.kubeVersion": "it only matters to charts inside of kustomizations, which are not inflated",
    "kustomize.apiVersions": "it only matters to charts inside of kustomizations, which are not inflated",
    "helm.version": "the agent has one Helm",
    "helm.passCredentials": "credentials are chosen by the repository they belong to",
}


class Directory(Part):
    """How a directory of plain manifests is read."""

    recurse: bool = Field(default=False, description="Read all directories below the path too.")
    include: str = Field(default="", description="Glob of the files to read, relative to the path; `{a,b}` is allowed.")
    exclude: str = Field(default="", description="Glob of the files to leave out; checked before include.")
    jsonnet: Object | None = Field(default=None, description="Refused: Jsonnet is not evaluated.")
    detect: bool = Field(
        default=False, description="Let a kustomization or a chart at the path count all the same, in spite of recurse."
    )

    @property
    def decides(self) -> bool:
        """Whether it says that the path holds plain manifests, whatever lies at its top."""
        return bool(self.include or self.exclude or (self.recurse and not self.detect))


class Replicas(Part):
    """How many replicas a workload has."""

    name: str
    count: IntOrText


class PatchTarget(Part):
    """What a patch is for."""

    group: str | None = None
    version: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    label_selector: str | None = None
    annotation_selector: str | None = None


class Patch(Part):
    """A patch of a kustomization."""

    path: str | None = None
    patch: str | None = None
    target: PatchTarget | None = None
    options: dict[str, bool] | None = None


class Kustomize(Part):
    """What is changed in the kustomization of the path before it is built."""

    name_prefix: str = Field(default="", description="Prefix of all names.")
    name_suffix: str = Field(default="", description="Suffix of all names.")
    namespace: str = Field(default="", description="Namespace of all objects.")
    images: tuple[str, ...] = Field(default=(), description="`name=new:tag`, `name:tag` or `name@digest`.")
    replicas: tuple[Replicas, ...] = ()
    common_labels: dict[str, str] = Field(default={}, description="Labels of all objects, and of their selectors.")
    force_common_labels: bool = Field(default=False, description="Let commonLabels replace those in Git.")
    label_without_selector: bool = Field(default=False, description="Leave selectors alone.")
    label_include_templates: bool = Field(default=False, description="With labelWithoutSelector: label templates too.")
    common_annotations: dict[str, str] = Field(default={}, description="Annotations of all objects.")
    common_annotations_envsubst: bool = Field(default=False, description="Fill in $ARGOCD_APP_… in their values.")
    force_common_annotations: bool = Field(default=False, description="Let commonAnnotations replace those in Git.")
    patches: tuple[Patch, ...] = ()
    components: tuple[str, ...] = Field(default=(), description="Components, relative to the path.")
    ignore_missing_components: bool = Field(default=False, description="Leave out components that do not exist.")
    version: str = Field(default="", description="Without effect: the agent has one Kustomize.")
    kube_version: str = Field(default="", description="Without effect.")
    api_versions: tuple[str, ...] = Field(default=(), description="Without effect.")


class HelmParameter(Part):
    """A value set by name."""

    name: str = ""
    value: str = ""
    force_string: bool = False


class HelmFileParameter(Part):
    """A value read from a file."""

    name: str = ""
    path: str = ""


class Helm(Part):
    """How a chart is rendered. Later wins: chart, valueFiles, values, valuesObject, parameters."""

    release_name: str = Field(default="", description="Default: the name of the app.")
    namespace: str = Field(default="", description="Default: the destination's.")
    value_files: tuple[str, ...] = Field(
        default=(), description="Relative to the chart, `/` from the repository's root, `$ref/` from another source."
    )
    ignore_missing_value_files: bool = False
    values: str = Field(default="", description="Values as YAML text.")
    values_object: Object | None = Field(default=None, description="Values; replaces `values`.")
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[HelmFileParameter, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    kube_version: str = Field(default="", description="Default: the cluster's.")
    api_versions: tuple[str, ...] = Field(default=(), description="Default: the cluster's.")
    version: str = Field(default="", description="Without effect: the agent has one Helm.")
    pass_credentials: bool = Field(default=False, description="Without effect.")


class Source(Part):
    """Where a part of the desired state is, and how it is read."""

    repo_url: str = Field(alias="repoURL", min_length=1, description="Repository: https, ssh or a local path.")
    target_revision: str = Field(default="HEAD", description="Branch, tag, range of versions (1.2.*), commit or HEAD.")
    path: str = Field(default="", description="Directory in the repository, relative to its root.")
    ref: str = Field(default="", description="With several sources: the name others use to read files of this one.")
    directory: Directory | None = Field(default=None, description="Options of a directory of plain manifests.")
    kustomize: Kustomize | None = Field(default=None, description="Options of a Kustomize directory.")
    helm: Helm | None = Field(default=None, description="Options of a Helm chart.")
    plugin: Object | None = Field(default=None, description="Refused: plugins are not run.")
    chart: str = Field(default="", description="A chart of a Helm repository or an OCI registry.")
    tag_prefix: str = Field(
        default="",
        description="Of a range of versions: only tags that begin with this count, by the rest of the name.",
    )

    @property
    def lookup_url(self) -> str:
        """What is looked up for it: the repository, or the chart."""
        return chartnames.text_of(self.repo_url, self.chart) if self.chart else self.repo_url

    @property
    def given(self) -> Object:
        """What was said, as in the manifest."""
        return self.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, mode="json")


def digest(*parts: Json) -> str:
    """A short name of what was said, the same for the same words in any order of fields."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def is_empty(item: Json) -> bool:
    """Whether a field says nothing: exported Applications carry empty options of every tool."""
    if isinstance(item, dict):
        return all(is_empty(one) for one in item.values())
    return item in ("", [], False, None)


def problems(source: Object) -> Iterator[tuple[str, str]]:
    """Fields (`kustomize.version`) of a source that keep it from being followed, each with the reason."""
    named = tools(source)
    if len(named) > 1:
        yield named[1], f"is given beside {named[0]}: a source has one tool at most"
    for place, why in REFUSED.items():
        if not is_empty(dig(source, *place.split("."))):
            yield place, f"is not supported: {why}"


def tools(source: Object) -> list[str]:
    """The tools that a source names; `directory.detect` with `recurse` alone leaves the choice open."""
    return [tool for tool in TOOLS if _is_named(source, tool)]


def _is_named(source: Object, tool: str) -> bool:
    options = source.get(tool)
    if tool == "directory" and isinstance(options, dict) and options.get("detect"):
        options = {key: value for key, value in options.items() if key not in ("detect", "recurse")}
    return not is_empty(options)


def ignored(source: Object) -> Iterator[str]:
    """Fields of a source that have no effect, each with the reason."""
    for place, why in IGNORED.items():
        if not is_empty(dig(source, *place.split("."))):
            yield f"{place} is left out: {why}"
