"""One app per directory: what lies directly below a path, each directory as a SyncApp of its own.

Pure over a listing. A directory counts when anything in it can be rendered; hidden ones do not. The app itself
keeps the manifests at the top of its path. Children have the app's project, destination and policy.
"""

import json
from collections.abc import Iterator

from gitsync.git import trees
from gitsync.model import syncapps
from gitsync.model.rendersets import InputFile, RenderedObject, RenderError
from gitsync.render import gotemplatevalues, kustomizations, selecting
from operator_core.jsonvalues import Object

CASCADE = "gitsync.io/cascade"
"""Finalizer of a SyncApp whose deletion deletes its objects."""
_MARK = "directory"


def template(spec: syncapps.Spec) -> str:
    """What the children of an app have in common, as JSON text; "" for an app that makes none."""
    if not spec.app_per_directory:
        return ""
    given = spec.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, mode="json")
    kept = {key: given[key] for key in ("project", "destination", "syncPolicy") if key in given}
    source = {"repoURL": spec.main.repo_url, "targetRevision": spec.main.target_revision}
    if spec.main.tag_prefix:
        source["tagPrefix"] = spec.main.tag_prefix
    return json.dumps({**kept, "source": source}, sort_keys=True)


def found(listing: trees.Listing, path: str) -> tuple[str, ...]:
    """The directories directly below a path that become apps."""
    below = len(path) + 1 if path else 0
    names = {
        file.path[below:].partition("/")[0]
        for file in listing.below(path)
        if "/" in file.path[below:] and _is_rendered(file.path.rpartition("/")[2])
    }
    return tuple(sorted(name for name in names if not name.startswith(".")))


def inputs(names: tuple[str, ...], path: str) -> tuple[InputFile, ...]:
    """What the set of apps depends on: that these directories are there."""
    return tuple(InputFile(f"{_join(path, name)}/", _MARK) for name in names)


def apps(
    names: tuple[str, ...], path: str, text: str, namespace: str, parent: str
) -> Iterator[RenderedObject | RenderError]:
    """The SyncApp of every directory in the parent's namespace, or why it cannot be one."""
    seen: dict[str, str] = {parent: path or "."}
    for name in names:
        place, app = _join(path, name), gotemplatevalues.sanitized(name)
        if app in seen or not app:
            why = "its own app" if seen.get(app) == (path or ".") else f"the directory {seen.get(app)}"
            yield RenderError(place, 0, 0, f"the app for this directory would be named {app!r} as {why}; rename it")
            continue
        seen[app] = place
        yield RenderedObject(_manifest(json.loads(text), app, place, namespace), place, 1)


def _manifest(spec: Object, name: str, place: str, namespace: str) -> Object:
    source = {**spec["source"], "path": place, "directory": {"recurse": True, "detect": True}}
    meta: Object = {"name": name, "namespace": namespace}
    automated = (spec.get("syncPolicy") or {}).get("automated") or {}
    if automated.get("prune"):
        # What a directory held goes with it, under the same guards as any pruning.
        meta["finalizers"] = [CASCADE]
    body = {**spec, "source": source}
    return {"apiVersion": syncapps.API_VERSION, "kind": syncapps.KIND, "metadata": meta, "spec": body}


def _is_rendered(name: str) -> bool:
    return selecting.is_manifest_name(name) or name in kustomizations.NAMES


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
