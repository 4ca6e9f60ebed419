"""Reads a Flink job through the API server's service proxy: what runs, since when, and its visible state.

Only reads, never decides; pure parsing of Flink's documented REST answers (docs: "REST API") around one `send`.
Times are epoch milliseconds as Flink gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import client as clients
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests

GAUGES = ("stateTotal", "stateRestored", "stateGaps")
RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class Subtask:
    """One subtask's state and the time it entered each state (only states it entered)."""

    status: str
    entered_ms: dict[str, int]


@dataclass(frozen=True, slots=True)
class Vertex:
    """One vertex of a job."""

    id: str
    name: str
    parallelism: int
    subtasks: tuple[Subtask, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Flink tells it at one moment."""

    id: str
    state: str
    entered_ms: dict[str, int]
    vertices: tuple[Vertex, ...]

    @property
    def is_running(self) -> bool:
        """Whether every subtask runs."""
        tasks = [task.status for vertex in self.vertices for task in vertex.subtasks]
        return self.state == RUNNING and bool(tasks) and set(tasks) == {RUNNING}

    @property
    def parallelism(self) -> int:
        """The parallelism of the widest vertex."""
        return max((vertex.parallelism for vertex in self.vertices), default=0)


@dataclass(frozen=True, slots=True)
class State:
    """The demo job's gauges: total in state, what this run found in it, and ticks that do not fit to it."""

    total: int
    restored: int
    gaps: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What a run was restored from: the path of a savepoint or checkpoint."""

    path: str
    is_savepoint: bool


class FlinkRest:
    """One Flink cluster's REST interface. Every method raises operator_core's KubeError when it does not answer."""

    def __init__(self, client: clients.Client, namespace: str, name: str, *, tls: bool = False) -> None:
        self._client = client
        self._namespace = namespace
        self._service = f"{'https:' if tls else ''}{name}-rest:8081"

    def get(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> Object:
        """One GET."""
        request = requests.service_proxy(self._namespace, self._service, "GET", path, query=query)
        return self._client.send(request, timeout=5.0)

    def job_ids(self) -> dict[str, str]:
        """Every job the JobManager knows, with its state."""
        return {job["jid"]: job["state"] for job in self.get("/jobs/overview").get("jobs", [])}

    def job(self) -> Job | None:
        """The one job of an application cluster; None while there is none."""
        ids = self.job_ids()
        if not ids:
            return None
        return self.job_of(next(reversed(ids)))

    def job_of(self, job_id: str) -> Job:
        """The job with this id."""
        details = self.get(f"/jobs/{job_id}")
        times = {
            each["id"]: self.get(f"/jobs/{job_id}/vertices/{each['id']}/subtasktimes") for each in details["vertices"]
        }
        states = {each["id"]: self.get(f"/jobs/{job_id}/vertices/{each['id']}") for each in details["vertices"]}
        return job_from_json(details, times, states)

    def state(self, job: Job) -> State | None:
        """The demo job's gauges; None until the first metrics have come in from the TaskManager."""
        vertex = next((each for each in job.vertices if each.name.startswith("total")), None)
        if vertex is None:
            return None
        wanted = ",".join(f"0.total.{name}" for name in GAUGES)
        answer = self.get(f"/jobs/{job.id}/vertices/{vertex.id}/metrics", (("get", wanted),))
        return state_from_json(answer["items"])

    def restored(self, job: Job) -> Restored | None:
        """What this run was restored from; None for a start without state."""
        return restored_from_json(self.get(f"/jobs/{job.id}/checkpoints"))

    def state_or_none(self) -> tuple[Job | None, State | None]:
        """Job and gauges at once, None where Flink does not answer: for waiting and sampling."""
        try:
            job = self.job()
            return job, self.state(job) if job is not None and job.state == RUNNING else None
        except (kube_errors.KubeError, kube_errors.Unreachable):
            return None, None


def job_from_json(details: Object, times: dict[str, Object], states: dict[str, Object]) -> Job:
    """From `/jobs/:id` and, by vertex, `…/subtasktimes` and `/jobs/:id/vertices/:id`."""
    vertices = []
    for each in details["vertices"]:
        entered = {task["subtask"]: _entered(task["timestamps"]) for task in times[each["id"]]["subtasks"]}
        tasks = tuple(
            Subtask(task["status"], entered.get(task["subtask"], {})) for task in states[each["id"]]["subtasks"]
        )
        vertices.append(Vertex(each["id"], each["name"], each["parallelism"], tasks))
    return Job(details["jid"], details["state"], _entered(details["timestamps"]), tuple(vertices))


def state_from_json(metrics: Json) -> State | None:
    """From the answer of a vertex's metrics; None unless all three gauges are there."""
    values = {each["id"].rpartition(".")[2]: each["value"] for each in metrics}
    if any(name not in values for name in GAUGES):
        return None
    total, restored, gaps = (int(values[name]) for name in GAUGES)
    return State(total, restored, gaps)


def restored_from_json(checkpoints: Object) -> Restored | None:
    """From `/jobs/:id/checkpoints`."""
    restored = dig(checkpoints, "latest", "restored")
    if not isinstance(restored, dict):
        return None
    return Restored(str(restored.get("external_path", "")), bool(restored.get("is_savepoint")))


def _entered(timestamps: dict[str, int]) -> dict[str, int]:
    return {state: moment for state, moment in timestamps.items() if moment > 0}
