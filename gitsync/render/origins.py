"""Which file and line an object that Kustomize made comes from.

Pure. Kustomize's own origin annotations would change what patches see, so origins are found from
names: Kustomize keeps a kind and adds prefixes, suffixes and hashes to a name. What cannot be told
for sure is said to come from the kustomization file.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from operator_core.jsonvalues import Object, dig


@dataclass(frozen=True, slots=True)
class Origin:
    """An object as a file of the commit has it, before names are changed."""

    kind: str
    name: str
    file: str
    line: int


def locate(body: Object, origins: Iterable[Origin], otherwise: Origin) -> Origin:
    """The origin of a built object; `otherwise` when there is none or there are several as likely ones."""
    kind, name = body.get("kind"), str(dig(body, "metadata", "name", default=""))
    fitting = {one for one in origins if one.kind == kind and one.name and one.name in name}
    longest = max((len(one.name) for one in fitting), default=0)
    best = {one for one in fitting if len(one.name) == longest}
    return best.pop() if len(best) == 1 else otherwise
