"""What an object's own annotations say about how it is synced, in gitsync's words or Argo CD's.

Pure. The words are Argo CD's ("Sync Options", "Sync Phases and Waves", "Resource Hooks"), under either prefix;
gitsync's own wins. A Helm chart's annotations were turned into Argo CD's when it was rendered.
"""

from operator_core.jsonvalues import Object, dig

_PREFIXES = ("gitsync.io/", "argocd.argoproj.io/")


def value(obj: Object, name: str) -> str:
    """The annotation `name` under the first prefix that has it; empty where none has."""
    given = dig(obj, "metadata", "annotations", default={})
    return next((str(given[prefix + name]) for prefix in _PREFIXES if given.get(prefix + name)), "")


def listed(obj: Object, name: str) -> tuple[str, ...]:
    """The parts of a comma-separated annotation."""
    return tuple(part.strip() for part in value(obj, name).split(",") if part.strip())


def options(obj: Object) -> dict[str, str]:
    """The object's sync options by name."""
    return {name: text for name, _, text in (part.partition("=") for part in listed(obj, "sync-options"))}


def compares(obj: Object) -> frozenset[str]:
    """The object's compare options."""
    return frozenset(listed(obj, "compare-options"))


def wave(obj: Object) -> int:
    """The sync wave; text that is no number counts as 0, as in Argo CD."""
    text = value(obj, "sync-wave")
    try:
        return int(text)
    except ValueError:
        return 0


def ignores_health(obj: Object) -> bool:
    """Whether the object's health says nothing about its app."""
    return value(obj, "ignore-healthcheck").lower() == "true"
