"""Secrets that SOPS encrypted, opened in what was rendered and nowhere else.

What a tool such as Kustomize makes of an encrypted manifest still holds the encrypted values; so files are
verified as they are in the commit, and the values take the place of what stands for them in the result. Plain
values are in memory only: no tool, no file, no record sees them. Only Secrets may be encrypted, because the
values of any other kind would be shown in differences.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitsync.model.rendersets import InputFile, RenderedObject, RenderError
from gitsync.render import closedfiles, closedvariables, documents, sops
from operator_core.jsonvalues import Json, Object

_MANIFESTS = (".yaml", ".yml", ".json")
Reader = Callable[[Iterable[InputFile]], Mapping[str, documents.Parsed]]
"""From files to their parsed documents, by path."""
Texts = Callable[[], Sequence[bytes]]
"""The contents of the other files."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Objects with plain values, or what is wrong; with an error there are none."""

    objects: tuple[RenderedObject, ...]
    errors: tuple[RenderError, ...] = ()


def is_closed(body: Object) -> bool:
    """Whether something of an object is encrypted."""
    return sops.is_encrypted(body) or closedfiles.has_any(body)


def opened(
    objects: tuple[RenderedObject, ...],
    inputs: Iterable[InputFile],
    read: Reader,
    open_key: sops.Opener,
    texts: Texts = tuple,
) -> Opened:
    """The objects with every encrypted Secret opened; `inputs` are all files they were rendered from.

    `texts` is called once, where a Secret is made of variables.
    """
    closed = [one for one in objects if is_closed(one.body)]
    if not closed:
        return Opened(objects)
    files = _encrypted_files(inputs, read)
    variables = texts() if any(closedvariables.has_any(one.body) for one in closed) else ()
    values: dict[str, Mapping[str, Json]] = {}
    found: dict[int, RenderedObject] = {}
    errors: list[RenderError] = []
    for one in closed:
        try:
            body = closedvariables.opened(one.body, variables, open_key)
            found[id(one)] = replace(one, body=_opened(body, files, values, open_key))
        except sops.Unreadable as error:
            name = f"{one.body.get('kind')} {one.body.get('metadata', {}).get('name', '')}"
            errors.append(RenderError(one.file, one.line, 0, f"the {name} stays encrypted: {error}"))
    if errors:
        return Opened((), tuple(sorted(errors)))
    return Opened(tuple(found.get(id(one), one) for one in objects))


def _opened(
    body: Object, files: Mapping[str, list[Object]], values: dict[str, Mapping[str, Json]], open_key: sops.Opener
) -> Object:
    if not is_closed(body):
        return body
    if closedfiles.has_any(body):
        return closedfiles.opened(body, open_key)
    if (body.get("apiVersion"), body.get("kind")) != ("v1", "Secret"):
        raise sops.Unreadable("only Secrets may be encrypted, as values of other kinds are shown in differences")
    mac = sops.mac_of(body)
    if mac not in values:
        if mac not in files:
            raise sops.Unreadable("no file of the commit has it as it was encrypted")
        values[mac] = sops.opened(files[mac], open_key)
    plain = {key: value for key, value in body.items() if key != sops.KEY}
    result: Object = sops.substituted(plain, values[mac])
    return result


def _encrypted_files(inputs: Iterable[InputFile], read: Reader) -> dict[str, list[Object]]:
    """The documents of every encrypted file, by their MAC."""
    manifests = [one for one in inputs if one.blob and one.path.endswith(_MANIFESTS)]
    found: dict[str, list[Object]] = {}
    for parsed in read(manifests).values():
        bodies = [json.loads(one.text) for one in parsed.objects]
        own: dict[str, list[Object]] = {}
        for body in bodies:
            if sops.is_encrypted(body):
                own.setdefault(sops.mac_of(body), []).append(body)
        found |= own
    return found
