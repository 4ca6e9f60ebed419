"""What an app changes in its kustomization before it is built, as `kustomize edit` changes it.

Pure; nothing is ever written into a checkout, so apps of one directory do not disturb each other. Rules:
Argo CD, "Kustomize" (which edit every option is), and the words of `kustomize edit set|add`.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitsync.model.sources import Kustomize
from gitsync.render import buildenvironment
from gitsync.render.kustomizations import Unfit
from operator_core.jsonvalues import Json, Object

_TAGGED = re.compile(r"(?P<name>.*):(?P<tag>[a-zA-Z0-9._-]*|\*)")
_KEPT = "*"
_FIELDS = ("newName", "newTag", "digest")


@dataclass(frozen=True, slots=True)
class Edits:
    """The changes of one app, variables filled in. `missing`: components left out because they do not exist."""

    options: Kustomize
    missing: tuple[str, ...] = ()

    def __call__(self, content: Object) -> Object:
        """A kustomization with the changes. Raises Unfit naming the option."""
        one, result = self.options, dict(content)
        for field, value in (("namePrefix", one.name_prefix), ("nameSuffix", one.name_suffix)):
            result.update({field: value} if value else {})
        if one.images:
            result["images"] = _images(_maps(result.get("images")), one.images)
        if one.replicas:
            given = {item.name: _count(item.count) for item in one.replicas}
            others = [item for item in _maps(result.get("replicas")) if item.get("name") not in given]
            named: list[Object] = [{"name": name, "count": count} for name, count in given.items()]
            result["replicas"] = sorted([*others, *named], key=lambda item: str(item.get("name")))
        if one.common_labels:
            _label(result, one)
        if one.common_annotations:
            told, force = "commonAnnotations", one.force_common_annotations
            result[told] = _added(result.get(told), one.common_annotations, force, told, "forceCommonAnnotations")
        if one.namespace:
            result["namespace"] = one.namespace
        if one.patches:
            wanted = [patch.model_dump(by_alias=True, exclude_none=True) for patch in one.patches]
            result["patches"] = [*_list(result.get("patches"), "patches"), *wanted]
        components = [name for name in one.components if name not in self.missing]
        if components:
            known = _list(result.get("components"), "components")
            result["components"] = [*known, *(name for name in components if name not in known)]
        return result


def edits(options: Kustomize, directory: str, values: Mapping[str, str], has_directory: Callable[[str], bool]) -> Edits:
    """The changes of an app whose path is `directory`; `values` are the variables texts may name."""
    filled: dict[str, object] = {
        "images": tuple(buildenvironment.expanded(image, values) for image in options.images),
    }
    if options.common_annotations_envsubst:
        told = options.common_annotations
        filled["common_annotations"] = {key: buildenvironment.expanded(text, values) for key, text in told.items()}
    missing: tuple[str, ...] = ()
    if options.ignore_missing_components:
        missing = tuple(name for name in options.components if not has_directory(place(directory, name)))
    return Edits(options.model_copy(update=filled), missing)


def place(directory: str, component: str) -> str:
    """Where a component is, relative to the repository."""
    return posixpath.normpath(posixpath.join(directory, component))


def names_the_commit(options: Kustomize) -> bool:
    """Whether the changes differ for every commit."""
    annotations = options.common_annotations.values() if options.common_annotations_envsubst else ()
    return buildenvironment.names_the_commit([*options.images, *annotations])


def _images(known: list[Object], wanted: tuple[str, ...]) -> list[Object]:
    given = {name: fields for name, fields in map(_image, wanted)}
    result: list[Object] = []
    former: dict[str, Object] = {}
    for item in known:
        name = str(item.get("name"))
        if name in given:
            former[name] = item
        else:
            result.append(item)
    for name, fields in given.items():
        # '*' stands for what the kustomization says already.
        old = former.get(name, {})
        filled = {key: str(old.get(key) or "") if value == _KEPT else value for key, value in fields.items()}
        result.append({"name": name, **{key: value for key, value in filled.items() if value}})
    return sorted(result, key=lambda item: str(item.get("name")))


def _image(text: str) -> tuple[str, dict[str, str]]:
    """`name=new:tag`, `name:tag` or `name@digest` as the name and what changes of it."""
    name, marked, rest = text.partition("=")
    subject = rest if marked else name
    place_, found, digest = subject.partition("@")
    fields = dict.fromkeys(_FIELDS, "")
    if found:
        fields["digest"] = digest
    elif (tagged := _TAGGED.fullmatch(subject)) is not None:
        place_, fields["newTag"] = tagged["name"], tagged["tag"]
    elif not marked or not subject:
        raise Unfit(f"spec.source.kustomize.images: {text!r} must be <image>=<new image>, <image>:<tag> or @<digest>")
    if not marked:
        return place_, fields
    fields["newName"] = place_
    return name, fields


def _count(value: int | str) -> int:
    if isinstance(value, str) and not re.fullmatch(r"\d+", value):
        raise Unfit(f"spec.source.kustomize.replicas: {value!r} is no number")
    return int(value)


def _label(result: Object, one: Kustomize) -> None:
    told, force = one.common_labels, one.force_common_labels
    if one.label_include_templates and not one.label_without_selector:
        raise Unfit("spec.source.kustomize.labelIncludeTemplates needs labelWithoutSelector")
    if not one.label_without_selector:
        known = result.get("commonLabels")
        result["commonLabels"] = _added(known, told, force, "commonLabels", "forceCommonLabels")
        return
    labels = [dict(item) for item in _maps(result.get("labels"))]
    for item in labels:
        includes = bool(item.get("includeTemplates"))
        if not item.get("includeSelectors") and includes == one.label_include_templates:
            item["pairs"] = _added(item.get("pairs"), told, force, "commonLabels", "forceCommonLabels")
            break
    else:
        extra = {"includeTemplates": True} if one.label_include_templates else {}
        labels.append({"pairs": dict(told), "includeSelectors": False, **extra})
    result["labels"] = labels


def _added(known: Json, wanted: Mapping[str, str], force: bool, option: str, switch: str) -> Object:
    present = known if isinstance(known, dict) else {}
    taken = sorted(key for key in wanted if key in present)
    if taken and not force:
        raise Unfit(f"spec.source.kustomize.{option}: the kustomization has {taken[0]!r} already; set {switch}")
    return {**present, **wanted}


def _maps(value: Json) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _list(value: Json, field: str) -> list[Json]:
    if value is not None and not isinstance(value, list):
        raise Unfit(f"{field} must be a list")
    return list(value or [])
