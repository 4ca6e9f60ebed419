"""The demo's story on one screen: a commit runs a job, commits change it, and its state is never lost.

Each stage does one thing a person would do, waits until its effect can be seen from outside (Kubernetes objects,
Flink's REST interface, Git), and fails with the log to read. How things are watched, measured and printed is in the
modules beside this one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from gitsync.model.records import TERMINAL
from gitsync.sandbox import errors, forwarding, states
from gitsync.sandbox.demo import (
    agents,
    appstates,
    commands,
    flinkjobs,
    places,
    preparing,
    sightings,
    tables,
    upgrades,
    waiting,
)
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.progress import Progress
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests
from operator_core.kube.client import Client

CLUSTER, PATH, JOB_FILE = "demo", "apps", "apps/ticks.yaml"
AGENT_LOG, JOB_LOG = "agent.log", "job.log"


class StageFailed(errors.SandboxError):
    """A stage, its reason, and the file to read."""

    def __init__(self, stage: str, reason: str, log: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.log = log


@dataclass(slots=True)
class Demo:
    """What the stages share once the sandbox is up."""

    place: places.Place
    client: Client
    repository: Repository
    choices: agents.Choices
    progress: Progress
    say: Callable[[str], None]
    webhook_port: int = 0

    @property
    def flink(self) -> flinkjobs.FlinkRest:
        """The job's cluster."""
        return flinkjobs.FlinkRest(self.client, preparing.NAMESPACE, preparing.JOB)

    def app(self) -> Object | None:
        """The agent's root app."""
        try:
            return self.client.send(requests.get(requests.SYNC_APPS, agents.NAMESPACE, "root"))
        except kube_errors.NotFound:
            return None

    @contextmanager
    def stage(self, name: str, log: str) -> Iterator[None]:
        """Show progress; give an error the stage's name and log."""
        try:
            with self.progress.stage(name):
                yield
        except (errors.SandboxError, AgentError) as error:
            raise StageFailed(name, str(error), str(self.place.logs / log)) from error

    def push(self, sha: str) -> str:
        """Tell the agent of a push, as a Git server would."""
        agents.notify(self.webhook_port, self.choices, sha)
        return sha


def run(place: places.Place, progress: Progress, say: Callable[[str], None], *, keep: bool) -> tables.Results:
    """The whole demo in a sandbox of its own; nothing of it is left unless it succeeds and `keep` is set.

    Raises StageFailed, and then the logs it names are left.
    """
    try:
        places.prepare(place, progress)
        with places.sandbox(place, progress, keep=keep), preparing.logs_saved_on_failure(place):
            results = _tell(place, progress, say)
    except StageFailed:
        raise
    except (errors.SandboxError, AgentError) as error:
        raise StageFailed("bring up the sandbox", str(error), str(place.layout.log("supervisor"))) from error
    if not keep:
        places.remove(place)
    return results


def _tell(place: places.Place, progress: Progress, say: Callable[[str], None]) -> tables.Results:
    with ExitStack() as stack:
        demo = _prepared(place, progress, say)
        kinds = (requests.FLINK_DEPLOYMENTS, requests.DEPLOYMENTS)
        lookout = stack.enter_context(sightings.Lookout(demo.client, preparing.NAMESPACE, kinds))
        first = demo.repository.log()[0].sha
        with demo.stage("start the agent as a pod of the sandbox", AGENT_LOG):
            preparing.start_agent(demo.place, demo.client, demo.choices)
            target = forwarding.Target("service", agents.NAMESPACE, agents.NAME, str(agents.WEBHOOK_PORT), 0)
            forward = forwarding.Forward(place.layout, states.read(place.layout), target)
            demo.webhook_port = stack.enter_context(forward).port
        before = _first_run(demo, first)
        job, upgraded = _upgrade(demo, lookout, before)
        broken, message = _broken_commit(demo, job)
        reverted = _revert(demo, job)
        notes = _notes(demo, (first, upgraded.revision, broken, reverted))
        return upgraded.completed(message, notes)


def _prepared(place: places.Place, progress: Progress, say: Callable[[str], None]) -> Demo:
    client = Client.connect(kubeconfig=place.layout.kubeconfig)
    repository = Repository(place.git)
    choices = agents.Choices(repository.bare, PATH, CLUSTER, preparing.NAMESPACE, secrets.token_hex(16))
    demo = Demo(place, client, repository, choices, progress, say)
    with demo.stage("make the job's image and a bare Git repository", AGENT_LOG):
        preparing.image(place, progress)
        preparing.repository(place)
    with demo.stage("install the custom resource definitions", AGENT_LOG):
        commands.gitsync(place.layout, "install")
        preparing.namespace(client)
    return demo


def _first_run(demo: Demo, sha: str) -> flinkjobs.Job:
    with demo.stage("wait until the job of the first commit runs", JOB_LOG):
        job = waiting.until(lambda: _running(demo, 1), "the job RUNNING", seconds=240, told=demo.progress.update)
        waiting.until(
            lambda: appstates.is_ready_at(demo.app(), sha), "the app Ready", seconds=60, told=demo.progress.update
        )
    demo.say(commands.gitsync(demo.place.layout, "status"))
    return job


def _upgrade(demo: Demo, lookout: sightings.Lookout, old: flinkjobs.Job) -> tuple[flinkjobs.Job, upgrades.Upgraded]:
    with demo.stage("propose parallelism 2, and ask what it will do", AGENT_LOG):
        demo.repository.propose(
            "Let the ticks job run two at a time",
            JOB_FILE,
            lambda text: text.replace("parallelism: 1\n", "parallelism: 2\n"),
        )
        plan = commands.plan(demo.place.layout, demo.repository)
    demo.say(plan)
    with demo.stage("push it, and watch the upgrade with a savepoint", AGENT_LOG):
        before = _fresh(demo)
        sha = demo.repository.publish()
        pushed_ms = int(time.time() * 1000)
        demo.push(sha)
        job = waiting.until(
            lambda: _running(demo, 2, not_before=old.id),
            "RUNNING at parallelism 2",
            seconds=240,
            told=demo.progress.update,
        )
        after = waiting.until(lambda: _counted(demo), "the job's state after the upgrade", seconds=60)
        restored = demo.flink.restored(job)
    with demo.stage("prove that the state survived", JOB_LOG):
        path = upgrades.proof(before, after, restored)
        moments = upgrades.moments(lookout.seen, preparing.JOB, job, sha, pushed_ms)
    demo.say(f"{before.total} ticks before, {after.restored} restored, {after.total} and counting; from {path}")
    return job, upgrades.Upgraded(sha, *moments, before, after, path)


def _broken_commit(demo: Demo, job: flinkjobs.Job) -> tuple[str, str]:
    with demo.stage("push a commit that no job can run with", AGENT_LOG):
        sha = demo.push(
            demo.repository.edit(
                "Give the TaskManagers lots of memory",
                JOB_FILE,
                lambda text: text.replace(
                    "taskManager:\n    resource:\n      memory: 1024m",
                    "taskManager:\n    resource:\n      memory: lots",
                ),
            )
        )
        message = waiting.until(
            lambda: appstates.complaint_at(demo.app(), sha), "the error told", seconds=60, told=demo.progress.update
        )
        total = _still_running(demo, job)
    demo.say(commands.gitsync(demo.place.layout, "status"))
    demo.say(f"the job still runs: {total} ticks and counting")
    return sha, message


def _revert(demo: Demo, job: flinkjobs.Job) -> str:
    with demo.stage("revert it", AGENT_LOG):
        sha = demo.push(demo.repository.revert())
        waiting.until(
            lambda: appstates.is_ready_at(demo.app(), sha), "the app Ready", seconds=60, told=demo.progress.update
        )
        _still_running(demo, job)
    return sha


def _still_running(demo: Demo, job: flinkjobs.Job) -> int:
    """The job's total in state, once it has grown."""
    now = demo.flink.job()
    if now is None or now.id != job.id or not now.is_running:
        raise errors.SandboxError(f"the job {job.id} was disturbed: {now.id + ' ' + now.state if now else 'no job'}")
    return _fresh(demo).total


def _fresh(demo: Demo) -> flinkjobs.State:
    """The job's gauges of now: Flink answers with those it fetched last, and fetches the next ones."""
    first = waiting.until(lambda: _counted(demo), "the job's state over REST", seconds=60).total
    return waiting.until(
        lambda: state if (state := _counted(demo)) and state.total > first else None, "the job counting", seconds=60
    )


def _notes(demo: Demo, shas: tuple[str, ...]) -> tuple[tables.NotedCommit, ...]:
    with demo.stage("wait for the Git notes", AGENT_LOG):
        noted = waiting.until(
            lambda: _all_noted(demo, shas), "a note on every commit", seconds=60, told=demo.progress.update
        )
    demo.say(f"refs/notes/gitsync/{CLUSTER}\n{tables.as_log(noted)}")
    return noted


def _all_noted(demo: Demo, shas: tuple[str, ...]) -> tuple[tables.NotedCommit, ...] | None:
    noted = tuple(
        tables.NotedCommit(commit.sha, commit.subject, demo.repository.notes(CLUSTER, commit.sha))
        for commit in demo.repository.log()
        if commit.sha in shas
    )
    ended = (any(record.phase in TERMINAL for record in each.records) for each in noted)
    return noted if all(ended) else None


def _running(demo: Demo, parallelism: int, not_before: str = "") -> flinkjobs.Job | None:
    job = demo.flink.job()
    is_it = job is not None and job.is_running and job.parallelism == parallelism and job.id != not_before
    return job if is_it else None


def _counted(demo: Demo) -> flinkjobs.State | None:
    _, state = demo.flink.state_or_none()
    return state if state is not None and state.total > state.restored else None
