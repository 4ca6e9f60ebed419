"""Where a chart is: a repository or registry, and its name there.

Pure. A chart is followed as if it were a Git repository of its own. Rules: Helm, "The Chart Repository Guide" and
"Use OCI-based registries"; Argo CD, the field `chart` of a source.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gitsync.model import chartnames
from operator_core.errors import Reason, Stalled

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OCI_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Place:
    """A chart of a Helm repository (`base` is an https URL), or of an OCI registry (`base` is `oci://host/path`)."""

    base: str
    name: str

    @property
    def is_oci(self) -> bool:
        """Whether it is in a registry."""
        return self.base.startswith("oci://")


def parse(url: str, *, loopback_http: bool = False) -> Place:
    """The chart a text names. Raises Stalled(RepositoryRefused)."""
    base, name = chartnames.split(url)
    if "://" not in base:
        base = f"oci://{base}"
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(base, "host or port cannot be read") from error
    if not host or parts.query or parts.fragment or any(ord(char) < 33 for char in base):
        raise _refused(base, "it names no host, or holds blanks, '?' or '#'")
    if parts.username or parts.password:
        raise _refused(f"{parts.scheme}://{host}", "credentials belong in a Secret and not in the URL")
    if parts.scheme == "http" and not (loopback_http and host in _LOOPBACK):
        raise _refused(base, "http is not encrypted: use https")
    if parts.scheme not in ("https", "http", "oci"):
        raise _refused(base, "a chart comes from https://… or oci://…")
    if not (_OCI_NAME if parts.scheme == "oci" else _NAME).fullmatch(name):
        raise _refused(base, f"no chart can have the name {name!r}")
    return Place(base.rstrip("/"), name)


def _refused(base: str, why: str) -> Stalled:
    return Stalled(Reason.RepositoryRefused, f"the chart repository {base!r} is refused: {why}")
