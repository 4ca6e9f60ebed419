"""A model of Flink clusters on Kubernetes for protocol tests.

A JobManager process per Deployment, one job, a position that grows as it processes, checkpoints and
savepoints as positions in a storage that outlives everything. Without high availability a restarted JobManager
runs the job again from what its configuration names; with it, from the newest checkpoint in HA metadata.
"""

import protocol_rest
from protocol_apiserver import ApiServer
from protocol_objects import MARKER, ClusterObjects
from protocol_rest import TAKEN
from protocol_runs import Process, Run
from protocol_workers import Workers

from operator_core.flink import errors
from operator_core.flink.requests import FlinkRequest
from operator_core.jsonvalues import Object, dig


class Clusters:
    """All JobManager processes (there should never be two that live)."""

    def __init__(self, server: ApiServer, now_ms) -> None:
        self.server = server
        self.now_ms = now_ms
        self.processes: list[Process] = []
        self.storage: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.newest: int | None = None
        self.loss_accepted = False
        self.bad_images: set[str] = set()
        self.serial = 0
        self.broken_savepoints = False
        self.down = False
        self.workers = Workers(server)
        self.objects = ClusterObjects(server)

    def sync(self) -> None:
        """The ReplicaSet: a pod per Deployment that wants one."""
        self.workers.sync()
        for deployment in self.objects.jobmanagers():
            wanted = deployment["spec"].get("replicas", 1) and not deployment["metadata"].get("deletionTimestamp")
            uid = deployment["metadata"]["uid"]
            if wanted and not any(process.deployment == uid for process in self.processes):
                self.serial += 1
                image = dig(deployment, "spec", "template", "spec", "containers", 0, "image")
                self.processes.append(Process(f"pod-{self.serial}", uid, image))

    def terminate(self) -> None:
        """The kubelet ends pods that nobody wants any more."""
        if self.workers.terminate():
            self.fail_job()
        self.processes = [process for process in self.processes if self._is_wanted(process)]

    def _is_wanted(self, process: Process) -> bool:
        owner = self.objects.owner(process.deployment)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return False
        return owner["spec"].get("replicas", 1) > 0

    def boot(self) -> None:
        """JobManagers whose image and configuration are there start, become ready, submit, run: one step each."""
        for process in self.processes:
            self._advance(process)

    def _advance(self, process: Process) -> None:
        deployment = self.objects.owner(process.deployment)
        config = self.objects.config(process.deployment)
        if process.image in self.bad_images or config is None or deployment is None:
            return
        if process.run is None and not self._is_wanted(process):
            return  # a pod that is being ended starts nothing any more
        if not process.started:
            others = [other for other in self.processes if other is not process and other.started]
            assert not others, "two JobManagers of one job live at the same time"
            process.started = True
            process.job_id, process.path, process.ha = config
        elif not process.ready:
            process.ready = True
            self.objects.set_available(deployment, "True")
            self.objects.first_rollout_done(deployment)
        elif process.run is None:
            process.run = None if process.over else self._submit(process)
        elif process.run.state in ("INITIALIZING", "RESTARTING") and self.workers.serve(self._mode()):
            process.run.state = "RUNNING"

    def _submit(self, process: Process) -> Run:
        foreign = [
            name for name in self.objects.ha_names() if process.job_id not in name and "cluster-config" not in name
        ]
        assert not (process.ha and foreign), f"HA metadata of another job would be recovered too: {foreign}"
        run = Run(process.job_id, self.now_ms(), 0)
        pointer = self.objects.ha_pointer(process) if process.ha else None
        source = pointer or process.path
        if source == MARKER or (source is not None and source not in self.storage):
            run.state, run.end = "FAILED", self.now_ms()
            return run
        if source is not None:
            run.position, run.counted = self.storage[source], self.numbers.get(source, 0)
            run.restored = (self.serial, source)
        if process.ha:
            self.objects.point(process, pointer or process.path)
        self._began(process, run)
        return run

    def _began(self, process: Process, run: Run) -> None:
        """The promise about state: a new deployment never starts behind the newest snapshot."""
        run.counts = process.counts
        if process.orphaned and process.reruns:
            self.newest = run.position if run.counts else self.newest  # Kubernetes' doing, and the new truth
        elif process.reruns == 0 or process.ha:
            behind = self.newest is not None and run.position < self.newest
            assert not behind or self.loss_accepted, f"began at {run.position}, {self.newest} was completed"
            self.newest = run.position if run.counts else self.newest
            resource = self.server.get("flinkdeployments", "app") or {}
            self.loss_accepted = dig(resource, "spec", "job", "upgradeMode") == "stateless"

    def process(self, amount: int) -> None:
        """Running jobs get on."""
        for process in self.processes:
            if process.run is not None and process.run.state == "RUNNING":
                process.run.position += amount

    def checkpoint(self) -> None:
        """Running jobs complete a checkpoint."""
        for process in self.processes:
            run = process.run
            if run is not None and run.state == "RUNNING":
                self._complete(process, run, savepoint=False)

    def _complete(self, process: Process, run: Run, *, savepoint: bool) -> str:
        """Its number follows that of the state the run began from; where another run's file lies, it fails (Flink)."""
        self.serial += 1
        run.counted += 1
        below = f"sp/savepoint-{run.job_id[:6]}-{self.serial:012x}" if savepoint else f"{run.job_id}/chk-{run.counted}"
        path = f"file:/data/{below}" if savepoint else f"file:/data/cp/{below}"
        if path in self.storage:
            return path
        self.storage[path] = run.position
        self.numbers[path] = run.counted
        self.written[path] = self.now_ms() + self.serial % 1000
        if run.counts:
            self.newest = run.position
        run.checkpoints.append((self.serial, path, savepoint))
        if process.ha and not savepoint:
            self.objects.point(process, path)
        return path

    def finish_triggers(self) -> None:
        """Pending stops complete or fail."""
        for process in self.processes:
            run = process.run
            if run is None or run.state != "RUNNING":
                continue
            for trigger, location in list(run.triggers.items()):
                if location is None and trigger not in run.failed and run.state == "RUNNING":
                    if self.broken_savepoints:
                        run.failed[trigger] = "java.io.IOException: disk full"
                    elif trigger in run.taking:
                        run.triggers[trigger] = self._take(run)
                    else:
                        run.triggers[trigger] = self._complete(process, run, savepoint=True)
                        self._end(process, run, "FINISHED")

    def _take(self, run: Run) -> str:
        self.serial += 1
        path = f"{TAKEN}{self.serial}"
        self.storage[path] = run.position
        run.checkpoints.append((self.serial, path, True))
        return path

    def forget_triggers(self) -> None:
        """Flink keeps results of triggers for five minutes only."""
        for process in self.processes:
            if process.run is not None:
                kept = {key: value for key, value in process.run.triggers.items() if value is None}
                process.run.triggers = kept

    def end_cancellations(self) -> None:
        """Cancelling jobs become cancelled."""
        for process in self.processes:
            if process.run is not None and process.run.state == "CANCELLING":
                self._end(process, process.run, "CANCELED")

    def fail_job(self) -> None:
        """Jobs give up: FAILED, their checkpoints kept."""
        for process in self.processes:
            if process.run is not None and process.run.state == "RUNNING":
                self._end(process, process.run, "FAILED")

    def _end(self, process: Process, run: Run, state: str) -> None:
        run.state, run.end = state, self.now_ms()
        if process.ha:
            for name in self.objects.ha_names():
                if run.job_id in name:
                    self.server.remove("configmaps", name)

    def restart_process(self, *, state_settled: bool) -> None:
        """The JobManager's container dies and is started again in its pod.

        Without HA the job then runs again from what its configuration names. That is Kubernetes' doing and the new
        truth, unless the state to go on from was settled before (`state_settled`): then the rerun counts for nothing.
        """
        for process in self.processes:
            if not process.started:
                continue
            if not process.ha and process.run is not None:
                process.counts = process.counts and not state_settled
                if process.counts:
                    self.newest = self.storage.get(process.path or "", 0)
            process.started, process.ready = False, False
            process.run = process.left_by_restart(self.now_ms())
            process.reruns += 1
            deployment = self.objects.owner(process.deployment)
            if deployment is not None:
                self.objects.set_available(deployment, "False")

    def lose_metadata(self) -> None:
        """Somebody deletes what HA keeps: a JobManager that restarts then knows its configuration only."""
        for name in self.objects.ha_names():
            self.server.remove("configmaps", name)
        for process in self.processes:
            process.orphaned = process.ha

    def listed(self) -> bytes:
        """What a pod that lists the storage prints."""
        lines = [f"{time / 1000:.3f} {path.removeprefix('file:')}/_metadata" for path, time in self.written.items()]
        return "\n".join([*lines, "END"]).encode()

    def has_pods(self, deployment: Object) -> bool:
        """Whether a Deployment has processes, or TaskManagers."""
        uid = deployment["metadata"]["uid"]
        return self.workers.pods_of(deployment) or any(process.deployment == uid for process in self.processes)

    def _mode(self) -> str | None:
        return dig(self.server.get("flinkdeployments", "app"), "spec", "mode")

    def pods(self) -> tuple[Object, ...]:
        """The pods as Kubernetes shows them."""
        return tuple(self._pod(process) for process in self.processes)

    def _pod(self, process: Process) -> Object:
        waiting = {"waiting": {"reason": "ErrImagePull", "message": f"no image {process.image}"}}
        state = waiting if process.image in self.bad_images else {"running": {"startedAt": "x"}}
        ready = "True" if process.ready else "False"
        return {
            "metadata": {"name": process.uid, "uid": process.uid, "namespace": "ns"},
            "status": {
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "flink-main-container", "state": state, "restartCount": 0}],
            },
        }

    # Flink's REST

    def send(self, address, request: FlinkRequest) -> Object:
        """Whoever is ready answers."""
        process = next((process for process in self.processes if process.ready), None)
        if process is None or self.down:
            raise errors.FlinkUnreachable("connection refused")
        run = process.run
        if request.path == "/jobs/overview":
            return {"jobs": [protocol_rest.entry(run)] if run else []}
        if request.path == "/config":
            return {"flink-version": "1.20.5", "flink-revision": "x"}
        if request.path == "/savepoint-disposal":
            return self._dispose(request.body["savepoint-path"])
        job_id, _, rest = request.path.removeprefix("/jobs/").partition("/")
        if run is None or run.job_id != job_id:
            raise errors.JobNotFound(404, "job not found")
        return protocol_rest.answer(request, run, rest)

    def _dispose(self, path: str) -> Object:
        """Files go; never those that a JobManager would read again if it restarted now."""
        assert all(process.path != path for process in self.processes), f"{path} is what a restart would start from"
        self.storage.pop(path, None)
        self.written.pop(path, None)
        return {"request-id": "disposal"}

    def reset(self, namespace, name) -> None:
        """Nothing is remembered."""
