"""Which object a manifest is, and whose it is.

The identity is group, kind, namespace and name; the version is a way of reading it. The tracking
annotation `<ns>/<app>:<group>/<Kind>:<ns>/<name>` counts only on the very object it describes: a
controller that copies annotations to its children does not hand them to an app.
"""

from gitsync.model.identities import AppName, Identity
from gitsync.model.tracking import TRACKING
from operator_core.jsonvalues import Object, dig


def group_of(api_version: str) -> str:
    """The group of `group/version`; empty for the core group."""
    return api_version.rpartition("/")[0]


def identity_of(obj: Object) -> Identity:
    """The identity a manifest claims; its namespace as written."""
    meta = obj.get("metadata") or {}
    return Identity(
        group_of(str(obj.get("apiVersion", ""))),
        str(obj.get("kind", "")),
        meta.get("namespace") or "",
        meta.get("name") or "",
    )


def parse_identity(text: str) -> Identity | None:
    """The identity behind an inventory id, or None."""
    kind, colon, place = text.partition(":")
    group, slash, kind = kind.rpartition("/")
    namespace, slash2, name = place.partition("/")
    return Identity(group, kind, namespace, name) if colon and slash and slash2 and kind and name else None


def tracking_id(app: AppName, identity: Identity) -> str:
    """The value of the tracking annotation."""
    return f"{app}:{identity}"


def owner_of(obj: Object) -> AppName | None:
    """The app that tracks this object, when the annotation describes the object itself."""
    text = dig(obj, "metadata", "annotations", TRACKING)
    if not isinstance(text, str):
        return None
    owner, _, rest = text.partition(":")
    namespace, slash, name = owner.partition("/")
    if not slash or parse_identity(rest) != identity_of(obj):
        return None
    return AppName(namespace, name)
