"""One team on the shared sandbox: a repository, a namespace of jobs, and the agent that serves both.

What the end-to-end tests say is said through this: commit, wait, look. Waiting always has a deadline.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import agentprocess
import yaml

from gitsync.model import records
from gitsync.sandbox.demo import appstates, commands, flinkjobs, places, waiting
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.layout import Layout
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests
from operator_core.kube.client import Client

T = TypeVar("T")
CLUSTER = "e2e"
IMAGES = {"v1_20": "ticks:1.20", "v2_3": "ticks:2.3"}
BOOT_SECONDS = 300  # two JVM boots in series on two busy cores
# Tests measure nothing, so every JVM starts the cheap way.
FAST_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(slots=True)
class Team:
    """A team's world; made by the `teams` fixture."""

    name: str
    layout: Layout
    client: Client
    repository: Repository
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    _agent: agentprocess.AgentProcess | None = None

    @property
    def jobs(self) -> str:
        """The namespace of the jobs."""
        return f"jobs-{self.name}"

    @property
    def home(self) -> str:
        """The namespace of the agent and its SyncApp."""
        return f"agent-{self.name}"

    @contextmanager
    def agent(self, **more: str) -> Iterator[agentprocess.AgentProcess]:
        """An agent for this team; `more` are environment variables."""
        settings = {
            "KUBECONFIG": str(self.layout.kubeconfig),
            "GITSYNC_REPO": self.repository.url,
            "GITSYNC_REVISION": "main",
            "GITSYNC_PATH": "apps",
            "GITSYNC_CLUSTER": CLUSTER,
            "GITSYNC_NAMESPACE": self.home,
            "GITSYNC_DESTINATION_NAMESPACE": self.jobs,
            "GITSYNC_WATCH_NAMESPACES": self.jobs,
            "GITSYNC_FLINK_REST": "proxy",
            "GITSYNC_POLL_SECONDS": "1",
            "GITSYNC_WORK_DIRECTORY": str(self.folder / "mirrors"),
        }
        with agentprocess.running(settings | self.settings | more, self.folder / "agent.log") as agent:
            self._agent = agent
            yield agent
            self._agent = None

    @contextmanager
    def agent_paused(self) -> Iterator[None]:
        """The running agent does nothing within the block, as when its node hangs."""
        assert self._agent is not None, "no agent runs"
        os.kill(self._agent.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._agent.pid, signal.SIGCONT)

    def job_file(self, name: str, change: Callable[[Object], None] | None = None, version: str = "v1_20") -> str:
        """A FlinkDeployment of the demo's job, as the example repository has it, made small and quick for tests."""
        example = places.checkout_folder(places.EXAMPLE) / "apps/ticks.yaml"
        manifest: Object = yaml.safe_load(example.read_text())
        manifest["metadata"] = {"name": name, "namespace": self.jobs}
        spec = manifest["spec"]
        spec |= {"image": IMAGES[version], "flinkVersion": version}
        spec["podTemplate"]["spec"]["volumes"][0]["hostPath"]["path"] = str(self.folder / "flink-data")
        spec["flinkConfiguration"] |= {
            "execution.checkpointing.interval": "1s",
            "metrics.fetcher.update-interval": "500",
            "env.java.opts.jobmanager": FAST_JVM,
            "env.java.opts.taskmanager": FAST_JVM,
        }
        if change is not None:
            change(manifest)
        return yaml.safe_dump(manifest, sort_keys=False)

    def access_file(self) -> str:
        """The ServiceAccount, Role and RoleBinding of the example, for this team's namespace."""
        example = places.checkout_folder(places.EXAMPLE) / "apps/access.yaml"
        return example.read_text().replace("namespace: jobs", f"namespace: {self.jobs}")

    def flink(self, job: str = "ticks") -> flinkjobs.FlinkRest:
        """A job's REST interface."""
        return flinkjobs.FlinkRest(self.client, self.jobs, job)

    def app(self) -> Object | None:
        """The agent's root SyncApp."""
        return self._get(requests.SYNC_APPS, self.home, "root")

    def deployment(self, job: str = "ticks") -> Object | None:
        """A FlinkDeployment."""
        return self._get(requests.FLINK_DEPLOYMENTS, self.jobs, job)

    def events(self) -> list[Object]:
        """Every event of both namespaces."""
        found: list[Object] = []
        for namespace in (self.home, self.jobs):
            found += self.client.send(requests.listing(requests.EVENTS, namespace))["items"]
        return found

    def status(self) -> str:
        """What `gitsync status` prints."""
        return commands.gitsync(self.layout, "status", "--namespace", self.home)

    def notes(self, sha: str) -> tuple[records.Record, ...]:
        """What was written back to a commit once it came to an end; nothing before."""
        found = self.repository.notes(CLUSTER, sha)
        return found if any(one.phase in records.TERMINAL for one in found) else ()

    def until(self, check: Callable[[], T | None], what: str, seconds: float = BOOT_SECONDS) -> T:
        """Wait for a condition; the failure tells what the SyncApp and the job's resource say."""

        def checked() -> T | None:
            if self._agent is not None:
                self._agent.was_killed()
            return check()

        try:
            return waiting.until(checked, what, seconds=seconds)
        except Exception as error:
            try:
                self._explain(error)
            except (kube_errors.KubeError, kube_errors.Unreachable) as silent:
                error.add_note(f"nothing more can be told: {silent}")
            raise

    def ready(self, sha: str, seconds: float = BOOT_SECONDS) -> Object:
        """Wait until everything of a commit is applied and healthy."""
        return self.until(
            lambda: app if (app := self.app()) and appstates.is_ready_at(app, sha) else None,
            f"Ready at {sha[:7]}",
            seconds,
        )

    def complaint(self, about: str, sha: str | None = None, seconds: float = BOOT_SECONDS) -> str:
        """Wait until the app says something that matches `about`, against a commit where one is given."""

        def told() -> str | None:
            app = self.app()
            message = appstates.complaint(app) if sha is None else appstates.complaint_at(app, sha)
            return message if message is not None and re.search(about, message) else None

        return self.until(told, f"a complaint about {about}", seconds)

    def running(self, job: str = "ticks", *, parallelism: int = 1, other_than: str = "") -> flinkjobs.Job:
        """Wait until a job runs at a parallelism, as another run than `other_than`."""
        return self.until(
            lambda: _running(self.flink(job).job(), parallelism, other_than),
            f"{job} RUNNING at parallelism {parallelism}",
        )

    def state(self, job: str = "ticks", *, above: int = 0) -> flinkjobs.State:
        """Wait until the job's total in state is above a number."""

        def counted() -> flinkjobs.State | None:
            _, state = self.flink(job).state_or_none()
            return state if state is not None and state.total > max(above, state.restored) else None

        return self.until(counted, f"{job} counting above {above}", 60)

    def _explain(self, error: Exception) -> None:
        error.add_note(f"SyncApp: {dig(self.app(), 'status')}")
        for item in self.client.send(requests.listing(requests.FLINK_DEPLOYMENTS, self.jobs))["items"]:
            error.add_note(f"FlinkDeployment {item['metadata']['name']}: {item.get('status')}")
        for item in self.client.send(requests.listing(requests.FLINK_SESSION_JOBS, self.jobs))["items"]:
            error.add_note(f"FlinkSessionJob {item['metadata']['name']}: {item.get('status')}")
        for event in self.events():
            error.add_note(f"{event['type']} {event['involvedObject']['name']} {event['reason']}: {event['message']}")
        error.add_note(f"the agent's log:\n{tail(self.folder / 'agent.log')}")

    def _get(self, resource: requests.Resource, namespace: str, name: str) -> Object | None:
        try:
            return self.client.send(requests.get(resource, namespace, name))
        except kube_errors.NotFound:
            return None


def _running(job: flinkjobs.Job | None, parallelism: int, other_than: str) -> flinkjobs.Job | None:
    is_it = job is not None and job.is_running and job.parallelism == parallelism and job.id != other_than
    return job if is_it else None


def clear(team: Team) -> None:
    """Take away a team's objects, whether or not an agent is left to release the finalizers; again is nothing."""
    for kind in (requests.FLINK_SESSION_JOBS, requests.FLINK_DEPLOYMENTS, requests.FLINK_STATE_SNAPSHOTS):
        for item in team.client.send(requests.listing(kind, team.jobs))["items"]:
            patch = {"metadata": {"finalizers": None}}
            team.client.send(requests.merge_patch(kind, team.jobs, item["metadata"]["name"], patch))
    for namespace in (team.jobs, team.home):
        with contextlib.suppress(kube_errors.NotFound, kube_errors.Conflict):
            team.client.send(requests.delete(requests.NAMESPACES, None, namespace))
    waiting.until(lambda: _is_empty(team), f"the pods of {team.name} gone", seconds=90)


def _is_empty(team: Team) -> bool:
    return not team.client.send(requests.listing(requests.PODS, team.jobs))["items"]


def tail(log: Path, lines: int = 60) -> str:
    """The end of a log, for a failed test's report."""
    return os.linesep.join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
