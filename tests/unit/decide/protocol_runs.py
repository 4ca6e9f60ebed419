"""A JobManager's process and the run of a job in it, as protocol tests model them."""

from dataclasses import dataclass, field


@dataclass
class Run:
    """One run of the job by one JobManager process."""

    job_id: str
    start: int
    position: int
    state: str = "INITIALIZING"
    end: int = -1
    restored: tuple[int, str] | None = None
    counts: bool = True
    bare: bool = False
    checkpoints: list[tuple[int, str, bool]] = field(default_factory=list)
    triggers: dict[str, str | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    taking: set[str] = field(default_factory=set)
    """Triggers of savepoints after which the job goes on; Flink recovers nothing from them (since 1.15)."""


@dataclass
class Process:
    """A JobManager pod and the process in it."""

    uid: str
    deployment: str
    image: str
    job_id: str = ""
    path: str | None = None
    ha: bool = False
    started: bool = False
    ready: bool = False
    run: Run | None = None
    reruns: int = 0
    orphaned: bool = False
    counts: bool = True
