"""Names of objects and of apps, as values. Pure; how a manifest gets one is `plan.identities`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One object of the cluster; `namespace` is empty for cluster-scoped kinds."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """The form of the inventory: `<group>/<Kind>:<ns>/<name>`."""
        return f"{self.group}/{self.kind}:{self.namespace}/{self.name}"

    @property
    def shown(self) -> str:
        """The form for people: `Kind ns/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class AppName:
    """A SyncApp by its place."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`ns/name`."""
        return f"{self.namespace}/{self.name}"
