"""A model of a session cluster for protocol tests: one JobManager process and the jobs on it.

Each job has a position that grows as it runs, checkpoints and savepoints that keep positions, and an owner: the
argument it was submitted with. What the operator promises is asserted where it would break: two runs of one job never
live at once, and none begins behind the newest snapshot that was completed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import protocol_rest
from protocol_apiserver import ApiServer

from operator_core.controllers.submissionlane import Work
from operator_core.flink import errors
from operator_core.flink.requests import FlinkRequest
from operator_core.jsonvalues import Object, dig

ENDED = ("FINISHED", "CANCELED", "FAILED")
BROKEN = "restarts.for.ever"
"""An entry class whose job never comes to run."""


@dataclass
class Run:
    """One run of a job on the JobManager that lives."""

    job_id: str
    owner: str
    position: int
    start: int
    state: str = "INITIALIZING"
    end: int = -1
    checkpoints: list[tuple[int, str, bool]] = field(default_factory=list)
    triggers: dict[str, str | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    restored: str | None = None
    broken: bool = False

    @property
    def lives(self) -> bool:
        return self.state not in ENDED


class SessionCluster:
    """Kubernetes and Flink of one session cluster `cluster` with high availability or without."""

    def __init__(self, server: ApiServer, now_ms: Callable[[], int], *, ha: bool) -> None:
        self.server = server
        self.now_ms = now_ms
        self.ha = ha
        self.process: str | None = None
        self.ready = False
        self.runs: dict[str, Run] = {}
        self.graphs: dict[str, tuple[str, str | None]] = {}
        self.storage: dict[str, int] = {}
        self.newest: dict[str, int] = {}
        self.loss_accepted: set[str] = set()
        self.in_flight: list[Work] = []
        self.serial = 0
        self.broken: set[str] = set()
        self.ended_unseen: set[str] = set()
        self.down = False
        self.restarts = 0
        self.broken_savepoints = False

    # Kubernetes

    def progress(self) -> None:
        """Pods start and end, jobs come to run: one step."""
        deployment = self.server.get("deployments", "cluster")
        alive = deployment is not None and not deployment["metadata"].get("deletionTimestamp")
        if self.process is not None and (not alive or deployment["metadata"]["uid"] != self.process):
            self.lose_process()
        elif alive and self.process is None:
            self.process = deployment["metadata"]["uid"]
        elif self.process is not None and not self.ready:
            self.ready = True
            self._available(deployment, "True")
            self._recover()
        for run in self.runs.values():
            if run.state in ("INITIALIZING", "RESTARTING"):
                run.state = "RESTARTING" if run.broken else "RUNNING"
            elif run.state == "RUNNING":
                run.position += 1
            elif run.state == "CANCELLING":
                self._end(run, "CANCELED")

    def lose_process(self) -> None:
        """The JobManager is gone, and with it all that only it knew."""
        if self.down:
            self.ended_unseen |= {run.owner for run in self.runs.values() if not run.lives}
        self.process, self.ready = None, False
        self.runs = {}

    def restart(self) -> None:
        """The JobManager's container dies and starts again in its pod."""
        if self.process is not None:
            self.ready = False
            self.restarts += 1
            self.runs = {}
            deployment = self.server.get("deployments", "cluster")
            if deployment is not None:
                self._available(deployment, "False")

    def _recover(self) -> None:
        for job_id, (owner, path) in self.graphs.items() if self.ha else ():
            self._begin(Run(job_id, owner, 0, self.now_ms(), broken=job_id in self.broken), path)

    def _available(self, deployment: Object, value: str) -> None:
        conditions = deployment.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [{"type": "Available", "status": value, "lastTransitionTime": self.server.stamp()}]
        self.server.put("deployments", deployment)

    def pods_of(self, deployment: Object) -> list[str]:
        return [self.process] if self.process == deployment["metadata"]["uid"] else []

    def pods(self) -> tuple[Object, ...]:
        if self.process is None:
            return ()
        conditions = [{"type": "Ready", "status": "True" if self.ready else "False"}]
        state = {"running": {"startedAt": "x"}}
        containers = [{"name": "flink-main-container", "state": state, "restartCount": self.restarts}]
        status = {"conditions": conditions, "containerStatuses": containers}
        return ({"metadata": {"name": "p", "uid": self.process, "namespace": "ns"}, "status": status},)

    # Flink

    def submit(self, work: Work) -> None:
        """The JobManager runs the jar."""
        job = work.job
        if not self.ready:
            raise errors.FlinkUnreachable("connection refused")
        if job.job_id in self.runs:
            raise errors.from_status(500, "DuplicateJobSubmissionException: Job has already been submitted.")
        broken = job.entry_class == BROKEN
        self._begin(Run(job.job_id, job.args[0], 0, self.now_ms(), broken=broken), job.savepoint_path)
        resource = self.server.get("flinksessionjobs", job.args[0]) or {}
        if dig(resource, "spec", "job", "upgradeMode") != "stateless":  # a loss is accepted until the next submission
            self.loss_accepted.discard(job.args[0])
        if self.ha:
            self.graphs[job.job_id] = (job.args[0], job.savepoint_path)
            self.broken |= {job.job_id} if broken else set()

    def _begin(self, run: Run, path: str | None) -> None:
        twins = [other for other in self.runs.values() if other.owner == run.owner and other.lives]
        assert not twins, f"two runs of {run.owner} live at the same time"
        if path is not None:
            assert path in self.storage, f"{run.owner} is to start from {path}, which nobody wrote"
            run.position, run.restored = self.storage[path], path
        newest = self.newest.get(run.owner)
        behind = newest is not None and run.position < newest
        assert not behind or run.owner in self.loss_accepted, f"{run.owner} began at {run.position}, not at {newest}"
        self.newest[run.owner] = run.position
        self.runs[run.job_id] = run

    def checkpoint(self) -> None:
        """Running jobs complete a checkpoint."""
        for run in self.runs.values():
            if run.state == "RUNNING":
                path = self._saved(run, savepoint=False)
                if self.ha:
                    self.graphs[run.job_id] = (run.owner, path)

    def _saved(self, run: Run, *, savepoint: bool) -> str:
        self.serial += 1
        path = f"file:/data/{'savepoint' if savepoint else 'chk'}-{self.serial}"
        self.storage[path] = self.newest[run.owner] = run.position
        run.checkpoints.append((self.serial, path, savepoint))
        return path

    def finish_triggers(self) -> None:
        """Pending stops complete or fail."""
        for run in self.runs.values():
            for trigger, location in list(run.triggers.items()):
                if location is None and trigger not in run.failed and run.state == "RUNNING":
                    if self.broken_savepoints:
                        run.failed[trigger] = "java.io.IOException: disk full"
                    else:
                        run.triggers[trigger] = self._saved(run, savepoint=True)
                        self._end(run, "FINISHED")

    def fail_jobs(self) -> None:
        """Running jobs give up; their checkpoints stay."""
        for run in self.runs.values():
            if run.state == "RUNNING":
                self._end(run, "FAILED")

    def finish_jobs(self) -> None:
        """Running jobs have read all there is: their checkpoints go, so another run begins as this one did."""
        for run in self.runs.values():
            if run.state == "RUNNING" and not any(run.triggers.values()):
                self._end(run, "FINISHED")
                self.newest[run.owner] = self.storage[run.restored] if run.restored else 0

    def _end(self, run: Run, state: str) -> None:
        run.state, run.end = state, self.now_ms()
        self.graphs.pop(run.job_id, None)

    # its REST

    def send(self, address, request: FlinkRequest) -> Object:
        if not self.ready or self.down:
            raise errors.FlinkUnreachable("connection refused")
        if request.path == "/jobs/overview":
            return {"jobs": [self._entry(run) for run in self.runs.values()]}
        if request.path == "/config":
            return {"flink-version": "1.20.5", "flink-revision": "x"}
        job_id, _, rest = request.path.removeprefix("/jobs/").partition("/")
        run = self.runs.get(job_id)
        if run is None:
            raise errors.JobNotFound(404, "job not found")
        return self._of_job(request, run, rest)

    def reset(self, namespace, name) -> None:
        """Nothing is remembered."""

    def _of_job(self, request: FlinkRequest, run: Run, rest: str) -> Object:
        if request.method == "PATCH":
            if not run.lives:
                raise errors.AlreadyEnded(409, "already ended")
            run.state = "CANCELLING"
            return {}
        if rest == "stop":
            return protocol_rest.stop(run, request.body["triggerId"])
        if rest.startswith("savepoints/"):
            return protocol_rest.savepoint(run, rest.removeprefix("savepoints/"))
        if rest == "checkpoints":
            return self._statistics(run)
        if rest == "checkpoints/config":
            return {"externalization": {"enabled": True, "delete_on_cancellation": False}}
        if rest.startswith("exceptions"):
            return {"exceptionHistory": {"entries": []}}
        return {"job-execution-result": {"failure-cause": {"stack-trace": "java.lang.Exception: boom"}}}

    def _statistics(self, run: Run) -> Object:
        latest: Object = {"completed": None, "savepoint": None, "restored": None}
        for number, path, savepoint in run.checkpoints:
            gone = run.state == "FINISHED" and not savepoint
            entry = {"id": number, "external_path": path, "is_savepoint": savepoint, "discarded": gone}
            latest["savepoint" if savepoint else "completed"] = entry
        if run.restored is not None:
            latest["restored"] = {"id": 0, "external_path": run.restored}
        return {"counts": {"completed": len(run.checkpoints)}, "latest": latest}

    def _entry(self, run: Run) -> Object:
        tasks = {"total": 2, "running": 2 if run.state == "RUNNING" else 0}
        return {
            "jid": run.job_id,
            "name": run.owner,
            "state": run.state,
            "start-time": run.start,
            "end-time": run.end,
            "tasks": tasks,
        }
