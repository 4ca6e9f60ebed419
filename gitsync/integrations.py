"""The Secrets by which the agent speaks to forges and chats, followed: labelled `gitsync.io/secret-type`.

Never shows a value. What a type's fields mean is read by whoever uses them (`report.forges`, `report.chats`).
"""

from gitsync.rights import credentials
from gitsync.settings import Settings
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

LABEL = "gitsync.io/secret-type"


class Integrations:
    """Follows the Secrets of the agent's namespace."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._secrets = Cache(client, requests.SECRETS, namespaces=(settings.namespace,), labels=LABEL)

    def start(self) -> None:
        """Start following; returns at once."""
        self._secrets.start()

    def stop(self) -> None:
        """Stop following."""
        self._secrets.stop()

    def wait_synced(self, timeout: float) -> bool:
        """Whether they were listed, or may not be read (then there is none for the agent)."""
        return self._secrets.wait_synced(timeout) or self._secrets.problem is not None

    def of(self, kind: str) -> list[tuple[str, dict[str, str]]]:
        """Name and decoded fields of every Secret of a type, in the order of their names."""
        found = [one for one in self._secrets.items() if (one["metadata"].get("labels") or {}).get(LABEL) == kind]
        return sorted((str(one["metadata"]["name"]), credentials.fields_of(one)) for one in found)
