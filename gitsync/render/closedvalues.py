"""Value files of charts that SOPS encrypted: opened for Helm, and looked for where they must not be.

What a chart makes of a value may be anything, so values are opened before it runs; a text of one may then stand in
Secrets only, because the values of any other kind are shown in differences, and in no message. Too short a text
says nothing: it stands everywhere.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.model.rendersets import RenderedObject, RenderError
from gitsync.render import sops
from gitsync.render.helmcharts import Chart
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json

_SHORTEST = 6
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Opened:
    """A chart with its values in plain, and the texts that must not be shown."""

    chart: Chart
    texts: tuple[str, ...] = ()


def opened(chart: Chart, open_key: sops.Opener | None) -> Opened:
    """The chart with every encrypted value file opened. Raises Stalled(DecryptionFailed) naming the one that is not."""
    files = list(chart.value_files)
    closed: set[int] = set()
    texts: set[str] = set()
    for number, name in enumerate(chart.value_names):
        try:
            found = _opened(files[number], open_key)
        except sops.Unreadable as error:
            text = f"the value file {name} of {chart.directory or 'the chart'} stays encrypted: {error}"
            raise Stalled(Reason.DecryptionFailed, text) from error
        if found is not None:
            files[number], values = found
            closed.add(number)
            texts |= {one for one in values if isinstance(one, str) and len(one) >= _SHORTEST}
    if not closed:
        return Opened(chart)
    # Longest first, so that a text that holds another one is hidden whole.
    ordered = tuple(sorted(texts, key=lambda one: (-len(one), one)))
    return Opened(replace(chart, value_files=tuple(files), closed=frozenset(closed)), ordered)


def _opened(content: bytes, open_key: sops.Opener | None) -> tuple[bytes, Iterable[Json]] | None:
    """The plain content and the values that were closed; None for a file that is not encrypted."""
    if b"sops" not in content:
        return None
    try:
        documents = [one.value for one in yamlgo.load_all(content.decode("utf-8-sig", "replace"))]
    except YamlError:
        return None  # Helm says what is wrong with it.
    if len(documents) != 1 or not sops.is_encrypted(documents[0]):
        return None
    if open_key is None:
        raise sops.Unreadable("there is no age key here")
    values = sops.opened(documents, open_key)
    plain = sops.substituted({key: one for key, one in documents[0].items() if key != sops.KEY}, values)
    return json.dumps(plain, ensure_ascii=False).encode(), values.values()


def shown_in(objects: Iterable[RenderedObject], texts: tuple[str, ...]) -> tuple[RenderError, ...]:
    """An error for every object but a Secret that holds one of the texts, plain or in base64."""
    if not texts:
        return ()
    wanted = (*texts, *(base64.b64encode(one.encode()).decode().rstrip("=") for one in texts))
    why = "holds an encrypted value of a value file, and only Secrets may: others are shown in differences"
    return tuple(
        RenderError(one.file, one.line, 0, f"the {one.body.get('kind')} {_name(one)} {why}")
        for one in objects
        if (one.body.get("apiVersion"), one.body.get("kind")) != ("v1", "Secret")
        and any(text in leaf for leaf in _texts(one.body) for text in wanted)
    )


def _name(one: RenderedObject) -> str:
    meta = one.body.get("metadata")
    return str(meta.get("name", "")) if isinstance(meta, dict) else ""


def hidden(errors: Iterable[RenderError], texts: tuple[str, ...]) -> tuple[RenderError, ...]:
    """Errors without the texts: a template may fail with a value in its words."""
    found = []
    for error in errors:
        message = error.message
        for text in texts:
            message = message.replace(text, _HIDDEN)
        found.append(replace(error, message=message))
    return tuple(found)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
