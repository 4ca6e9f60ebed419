"""All checks over all manifests of a run: from objects and their files to findings with places.

Pure: files are read by a function that is passed in, and only those something is told about. Objects
of one directory belong together; what an object refers to may be in any of the directories.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from gitsync.model.identities import Identity
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import identities
from gitsync.validate import flinkrules, objectrules, references, statesafety
from gitsync.validate.findings import Finding, Severity, Trouble
from gitsync.validate.kinds import Kinds
from gitsync.validate.places import Places
from operator_core.conf.defaults import Defaults
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object

ReadText = Callable[[str], str]
"""A file's text by its name; empty where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What one directory holds: objects, and what reading them said already.

    `is_built`: a tool made the objects, so their files need not hold every field.
    """

    path: str
    objects: tuple[RenderedObject, ...] = ()
    told: tuple[Finding, ...] = ()
    is_built: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The findings in the order of files, and how much was looked at."""

    findings: tuple[Finding, ...]
    objects: int
    unknown: tuple[str, ...]
    """Kinds whose fields nobody knows, as `kind.group/version`."""

    @property
    def worst(self) -> Severity | None:
        """The heaviest finding; None without any."""
        return max((one.severity for one in self.findings), key=lambda one: one.weight, default=None)


def check(
    directories: Iterable[Directory], kinds: Kinds, defaults: Defaults, read: ReadText, ignored: frozenset[str]
) -> Report:
    """Everything that is to be told. `defaults`: the operator's configuration; `ignored`: rules switched off."""
    all_of_them = tuple(directories)
    inventory = references.Inventory()
    for directory in all_of_them:
        kinds.learn(o.body for o in directory.objects if o.body.get("kind") == "CustomResourceDefinition")
        for rendered in directory.objects:
            inventory.add(rendered.body)
    places: dict[str, Places] = {}
    found: dict[Finding, None] = {}
    unknown: dict[str, None] = {}
    topics: Counter[str] = Counter()
    about: dict[Finding, str] = {}
    for directory in all_of_them:
        found.update(dict.fromkeys(directory.told))
        for rendered in directory.objects:
            if not objectrules.is_known(rendered.body, kinds):
                unknown[f"{rendered.body.get('kind')} of {rendered.body.get('apiVersion')}"] = None
            for trouble in troubles(rendered.body, kinds, defaults, inventory):
                topics[trouble.topic] += 1
                if trouble.topic and topics[trouble.topic] > 1:
                    continue
                if rendered.file not in places:
                    places[rendered.file] = Places(read(rendered.file))
                finding = _placed(rendered, trouble, places[rendered.file])
                found[finding] = None
                about[finding] = trouble.topic
    found.update(dict.fromkeys(_duplicates(all_of_them)))
    counted = (_counted(one, topics[topic] if (topic := about.get(one)) else 1) for one in found)
    kept = sorted(one for one in counted if one.rule not in ignored)
    return Report(tuple(kept), sum(len(one.objects) for one in all_of_them), tuple(unknown))


def _counted(finding: Finding, times: int) -> Finding:
    more = f" (the same in {times - 1} more place{'' if times == 2 else 's'})" if times > 1 else ""
    return replace(finding, message=finding.message + more)


def troubles(body: Object, kinds: Kinds, defaults: Defaults, inventory: references.Inventory) -> Iterator[Trouble]:
    """Everything about one object."""
    misshapen = False
    for trouble in objectrules.troubles(body, kinds):
        misshapen = misshapen or trouble.rule == "schema"
        yield trouble
    if str(body.get("apiVersion", "")).startswith(flinkrules.GROUP):
        try:
            yield from flinkrules.troubles(body, defaults)
            if not misshapen:
                yield from statesafety.troubles(body, defaults)
        except Stalled as error:
            # Its schema has said the same with a place, when there is one.
            if not misshapen:
                yield flinkrules.unreadable(error, body)
    if str(body.get("apiVersion", "")).startswith("argoproj.io/"):
        # Loaded when there is one: a check of a hundred files takes less time than these rules take to load.
        from gitsync.validate import applicationrules

        yield from applicationrules.troubles(body)
    if not misshapen:
        yield from references.troubles(body, inventory)


def _placed(rendered: RenderedObject, trouble: Trouble, places: Places) -> Finding:
    line, column = places.find(rendered.line, rendered.body, trouble.field)
    shown = identities.identity_of(rendered.body).shown
    return Finding(rendered.file, line, column, trouble.rule, trouble.severity, trouble.message, shown)


def _duplicates(directories: tuple[Directory, ...]) -> Iterator[Finding]:
    """The same object twice: in one directory the last counts; in two, one of them must be meant for elsewhere."""
    first: dict[Identity, tuple[RenderedObject, str]] = {}
    for directory in directories:
        if directory.is_built:
            continue
        for rendered in directory.objects:
            identity = identities.identity_of(rendered.body)
            if not identity.name:
                continue
            earlier, where = first.setdefault(identity, (rendered, directory.path))
            if earlier is rendered:
                continue
            place = f"{earlier.file}:{earlier.line}"
            if where == directory.path:
                text = f"it is given already in {place}; the last one counts. Remove one of them"
                yield _about(rendered, "duplicate", Severity.warning, text)
            elif identity.namespace:
                text = f"it is also in {place}; two apps of one cluster must not both have it"
                yield _about(rendered, "duplicate", Severity.advice, text)


def _about(rendered: RenderedObject, rule: str, severity: Severity, text: str) -> Finding:
    shown = identities.identity_of(rendered.body).shown
    return Finding(rendered.file, rendered.line, 1, rule, severity, text, shown)
