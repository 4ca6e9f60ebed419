"""Which files of a commit a Kustomize build reads, found by following references and not by running it.

Pure over a listing and a way to read blobs. Every reference must lead to something of the same
commit: whatever names another host is refused before anything runs, and what does not exist is told
with the file and line that asks for it. Rules: the kustomization file's reference, and Kustomize's
loader (a file must be below its kustomization; a base or a component is a directory anywhere).
"""

import json
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

from gitsync.git import trees
from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model.rendersets import InputFile, RenderError
from gitsync.render import links, references
from operator_core.jsonvalues import Object

Edit = Callable[[Object], Object]
"""What an app changes in its kustomization; raises Unfit for a change that cannot be made."""
NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_HELM = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")
_PLUGINS = ("generators", "transformers", "validators")


class Unfit(ValueError):
    """Why a kustomization cannot be changed as an app asks for."""


@dataclass(frozen=True, slots=True)
class Generated:
    """An object a kustomization makes from files or literals."""

    kind: str
    name: str
    file: str


@dataclass(frozen=True, slots=True)
class Needed:
    """What a build of one directory reads.

    `entries` are the files and links to export, by real path; `manifests` those of them that hold
    objects; `inputs` everything the choice depends on, also places where nothing is yet. `edited` is the
    kustomization as it is to be built, by path, where an app changes it.
    """

    entries: tuple[trees.File, ...]
    manifests: tuple[trees.File, ...]
    generated: tuple[Generated, ...]
    inputs: tuple[InputFile, ...]
    errors: tuple[RenderError, ...]
    edited: tuple[str, bytes] | None = None


@dataclass(slots=True)
class _Walk:
    tree: trees.Listing
    read: Callable[[str], bytes]
    entries: dict[str, trees.File] = field(default_factory=dict)
    manifests: dict[str, trees.File] = field(default_factory=dict)
    generated: list[Generated] = field(default_factory=list)
    inputs: set[InputFile] = field(default_factory=set)
    errors: list[RenderError] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    edit: Edit | None = None
    edited: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class _Root:
    """A kustomization: its directory and its file, both by real path."""

    directory: str
    file: str
    text: str


def is_at(tree: trees.Listing, directory: str) -> bool:
    """Whether the top level of `directory` says that Kustomize renders it."""
    return any(tree.file(place) is not None for place in places(directory))


def places(directory: str) -> tuple[str, ...]:
    """Where the kustomization of `directory` may be."""
    return tuple(_join(directory, name) for name in NAMES)


def needed(tree: trees.Listing, directory: str, read: Callable[[str], bytes], edit: Edit | None = None) -> Needed:
    """What building `directory` ("" is the root of the repository) reads; `read` gives a blob's content by its id.

    `edit` changes the kustomization of the directory itself, and of no other.
    """
    walk = _Walk(tree, read, edit=edit)
    _visit(directory, None, "", walk)
    if not walk.visited or not any(place in walk.entries for place in places(directory)):
        walk.errors = walk.errors or [RenderError(directory or ".", 0, 0, "there is no kustomization.yaml")]
    return Needed(
        tuple(walk.entries[path] for path in sorted(walk.entries)),
        tuple(walk.manifests[path] for path in sorted(walk.manifests)),
        tuple(walk.generated),
        tuple(sorted(walk.inputs)),
        tuple(sorted(set(walk.errors))),
        walk.edited,
    )


def _visit(directory: str, asked_by: _Root | None, reference: str, walk: _Walk) -> None:
    """Follow everything the kustomization of a directory refers to."""
    if directory in walk.visited:
        return
    walk.visited.add(directory)
    found: list[links.Reached] = []
    for path in places(directory):
        if walk.tree.file(path) is None:
            walk.inputs.add(InputFile(path, ""))
            continue
        match links.reach(path, walk.tree, walk.read):
            case links.Reached() as reached:
                _keep(reached, walk)
                found.append(reached)
            case other:
                walk.errors.append(RenderError(path, 0, 0, f"it cannot be read: {_why(other)}"))
    if len(found) != 1:
        if not found and asked_by is not None:
            _fail(asked_by, reference, f"{reference!r} is a directory without a kustomization.yaml", walk)
        elif found:
            names = " and ".join(posixpath.basename(one.file.path) for one in found)
            walk.errors.append(RenderError(found[0].file.path, 0, 0, f"the directory has {names}: keep one of them"))
        return
    parsed = _parsed(directory, found[0].file, walk)
    if parsed is None:
        return
    root, content = parsed
    try:
        _follow(root, _changed(directory, content, walk) if asked_by is None else content, walk)
    except Unfit as error:
        walk.errors.append(RenderError(root.file, 0, 0, str(error)))


def _changed(directory: str, content: Object, walk: _Walk) -> Object:
    """The app's own kustomization with the app's changes."""
    if walk.edit is None:
        return content
    changed = walk.edit(content)
    # In the place of the name itself: what a link leads to may be the kustomization of others too.
    place = next(path for path in places(directory) if walk.tree.file(path) is not None)
    walk.edited = (place, json.dumps(changed, ensure_ascii=False).encode())
    return changed


def _parsed(directory: str, file: trees.File, walk: _Walk) -> tuple[_Root, Object] | None:
    try:
        text = walk.read(file.blob).decode("utf-8-sig")
        documents = [one.value for one in yamlgo.load_all(text) if one.value is not None]
    except UnicodeDecodeError:
        walk.errors.append(RenderError(file.path, 0, 0, "not UTF-8 text"))
        return None
    except YamlError as error:
        walk.errors.append(RenderError(file.path, error.line, error.column, error.message))
        return None
    if len(documents) > 1 or not all(isinstance(one, dict) for one in documents):
        walk.errors.append(RenderError(file.path, 0, 0, "a kustomization file holds exactly one map"))
        return None
    return _Root(directory, file.path, text), documents[0] if documents else {}


def _follow(root: _Root, content: Object, walk: _Walk) -> None:
    for name in _HELM:
        if content.get(name):
            _fail(root, name, f"{name}: Helm charts are not inflated; render them before committing", walk)
    for reference in (*references.texts(content.get("resources")), *references.texts(content.get("bases"))):
        _resource(root, reference, walk)
    for reference in references.texts(content.get("components")):
        _directory(root, reference, walk)
    for reference in references.files_of(content):
        _file(root, reference, walk)
    for name in _PLUGINS:
        for reference in references.texts(content.get(name)):
            _plugin(root, reference, walk)
    for name, kind in references.GENERATED.items():
        walk.generated += [
            Generated(kind, str(one.get("name", "")), root.file) for one in references.maps(content.get(name))
        ]


def _plugin(root: _Root, reference: str, walk: _Walk) -> None:
    """The configuration of a generator, a transformer or a validator: in place, in a file, or made by a directory."""
    if references.is_inline(reference):
        _plugin_files(root, reference, walk)
        return
    match _resource(root, reference, walk):
        case links.Reached(file):
            _plugin_files(root, walk.read(file.blob).decode("utf-8", "replace"), walk)
        case links.Directory():
            # What such a directory makes is only known after building it; it may name any file below the root.
            for entry in walk.tree.below(root.directory):
                if entry.mode not in (trees.SYMLINK, trees.SUBMODULE):
                    walk.entries[entry.path] = entry
                    walk.inputs.add(InputFile(entry.path, entry.blob))
        case None:
            pass


def _plugin_files(root: _Root, text: str, walk: _Walk) -> None:
    for reference in references.plugin_files(text):
        if reference == references.HELM:
            _fail(root, reference, "Helm charts are not inflated; render them before committing", walk)
        else:
            _file(root, reference, walk)


def _resource(root: _Root, reference: str, walk: _Walk) -> links.Reached | links.Directory | None:
    """A file of objects, or the directory of another kustomization."""
    found = _reached(root, reference, walk)
    match found:
        case links.Reached(file):
            if not _is_below(root, reference, file, walk):
                return None
            walk.manifests[file.path] = file
        case links.Directory(path):
            _visit(path, root, reference, walk)
    return found


def _directory(root: _Root, reference: str, walk: _Walk) -> None:
    match _reached(root, reference, walk):
        case links.Directory(path):
            _visit(path, root, reference, walk)
        case links.Reached():
            _fail(root, reference, f"{reference!r} must be a directory with a kustomization.yaml", walk)


def _file(root: _Root, reference: str, walk: _Walk) -> None:
    match _reached(root, reference, walk):
        case links.Reached(file):
            _is_below(root, reference, file, walk)
        case links.Directory():
            _fail(root, reference, f"{reference!r} is a directory and must be a file", walk)


def _is_below(root: _Root, reference: str, file: trees.File, walk: _Walk) -> bool:
    if not root.directory or file.path.startswith(root.directory + "/"):
        return True
    problem = f"{reference!r} is a file outside of the kustomization's own directory: Kustomize reads none there"
    _fail(root, reference, f"{problem}; make its directory a base", walk)
    return False


def _reached(root: _Root, reference: str, walk: _Walk) -> links.Reached | links.Directory | None:
    """What a reference leads to in this commit, or an error about it."""
    if references.is_remote(reference):
        _fail(root, reference, f"{reference!r} is not in this repository: remote bases and files are refused", walk)
        return None
    path = posixpath.normpath(_join(root.directory, reference))
    if reference.startswith("/") or path == ".." or path.startswith("../"):
        _fail(root, reference, f"{reference!r} leads out of the repository", walk)
        return None
    match links.reach("" if path == "." else path, walk.tree, walk.read):
        case links.Reached() | links.Directory() as found:
            _keep(found, walk)
            return found
        case links.Nothing(place, _, passed) as nothing:
            walk.inputs.update(InputFile(step.path, step.blob) for step in passed)
            walk.inputs.add(InputFile(place, ""))
            _fail(root, reference, f"{reference!r} cannot be read: {_why(nothing)}", walk)
        case links.Refused() as refused:
            _fail(root, reference, f"{reference!r} is refused: {_why(refused)}", walk)
    return None


def _keep(found: links.Reached | links.Directory, walk: _Walk) -> None:
    files = (*found.passed, found.file) if isinstance(found, links.Reached) else found.passed
    for entry in files:
        walk.entries[entry.path] = entry
        walk.inputs.add(InputFile(entry.path, entry.blob))


def _why(found: links.Directory | links.Nothing | links.Refused) -> str:
    match found:
        case links.Directory(path):
            return f"{path} is a directory"
        case links.Nothing(path, why):
            return f"there is no {path}" if why == "its target does not exist" else why
        case links.Refused(why):
            return why


def _fail(root: _Root, token: str, problem: str, walk: _Walk) -> None:
    line, column = references.place(root.text, token)
    walk.errors.append(RenderError(root.file, line, column, problem))


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
