"""A JobManager's process and the run of a job in it, as protocol tests model them."""

from dataclasses import dataclass, field

CLEAN_MS = 5000
"""How long a job's result is known after its end (Flink: JobResultStore): once cleaned up, nothing is listed."""


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
    counted: int = 0
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
    over: bool = False
    counts: bool = True

    def left_by_restart(self, now_ms: int) -> Run | None:
        """What a restarted process lists: with HA, for a while, how its job ended; then it runs nothing any more."""
        run = self.run
        if not self.ha or run is None or run.end <= 0:
            return None
        self.over = self.over or now_ms - run.end > CLEAN_MS
        return None if self.over else Run(run.job_id, run.start, 0, run.state, run.end, bare=True)
