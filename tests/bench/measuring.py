"""What is measured: how soon a commit is applied, where an upgrade's downtime goes, what the agent costs at rest."""

from __future__ import annotations

import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import yaml

from gitsync.sandbox.demo import sightings, timelines, upgrades, waiting
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache

from . import byhand, worlds

MAP = "apps/map.yaml"
JOB = "apps/ticks.yaml"
POLL_SECONDS = "5"
NEVER = "86400"
PAUSE_S = 0.005
IDLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from push to applied: median and worst of `count`."""

    how: str
    count: int
    median: float
    worst: float


@dataclass(frozen=True, slots=True)
class Rest:
    """The agent at rest: memory, and per idle minute CPU seconds."""

    what: str
    resident_mb: float
    cpu_s_per_minute: float


def latencies(team: worlds.teams.Team, count: int) -> list[Latency]:
    """Push one-line commits to a ConfigMap, with the webhook and with polling alone."""
    return [
        _latency(team, f"webhook (poll every {NEVER} s)", NEVER, count, notify=True),
        _latency(team, f"poll every {POLL_SECONDS} s", POLL_SECONDS, count, notify=False),
    ]


def _latency(team: worlds.teams.Team, how: str, poll: str, count: int, *, notify: bool) -> Latency:
    manifest: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map", "namespace": team.jobs}}
    taken: list[float] = []
    cache = Cache(team.client, requests.CONFIG_MAPS, namespaces=(team.jobs,))
    cache.start()
    with team.agent(GITSYNC_POLL_SECONDS=poll):
        for number in range(count + 1):
            value = f"{how}-{number}"
            sha = team.repository.commit(f"Set {value}", {MAP: yaml.safe_dump(manifest | {"data": {"value": value}})})
            pushed = time.monotonic()
            if notify and number:
                _notify(team, sha)
            waiting.until(
                lambda wanted=value: dig(cache.get(team.jobs, "map"), "data", "value") == wanted,  # type: ignore[misc]
                "applied",
                seconds=60,
                pause=PAUSE_S,
            )
            if number:  # the first one waits for the agent's start
                taken.append(time.monotonic() - pushed)
            team.ready(sha)
    cache.stop()
    return Latency(how, count, statistics.median(taken), max(taken))


def _notify(team: worlds.teams.Team, sha: str) -> None:
    with open(team.settings["GITSYNC_WEBHOOK_SECRET_FILE"]) as file:
        secret = file.read().strip().encode()
    body = json.dumps({"repository": team.repository.url, "ref": "refs/heads/main", "after": sha}).encode()
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    url = f"http://localhost:{team.settings['GITSYNC_WEBHOOK_PORT']}/hooks/generic"
    headers = {"X-Signature": f"sha256={signature}", "Content-Type": "application/json"}
    httpx.post(url, content=body, headers=headers, trust_env=False).raise_for_status()


def at_rest(team: worlds.teams.Team, what: str) -> Rest:
    """An agent that polls every minute, watched for one minute after it settled."""
    with team.agent(GITSYNC_POLL_SECONDS="60") as agent:
        team.ready(team.repository.log()[0].sha)
        _pass(10)
        before = worlds.cpu_seconds(agent.pid)
        _pass(IDLE_SECONDS)
        used = worlds.cpu_seconds(agent.pid) - before
        return Rest(what, worlds.resident_mb(agent.pid), used * 60 / IDLE_SECONDS)


def _pass(seconds: float) -> None:
    time.sleep(seconds)


def start_job(team: worlds.teams.Team, version: str, change: Callable[[Object], None] | None = None) -> None:
    """Commit the demo's job and wait until it runs with every object applied."""
    team.repository.commit(
        f"Run it on {version}", {"apps/access.yaml": team.access_file(), JOB: team.job_file("ticks", change, version)}
    )
    with team.agent():
        team.running()
        team.state()


def by_agent(team: worlds.teams.Team, parallelism: int) -> timelines.Upgrade:
    """One savepoint upgrade by a commit."""
    old = team.flink().job()
    assert old is not None
    with (
        sightings.Lookout(team.client, team.jobs, (requests.FLINK_DEPLOYMENTS, requests.DEPLOYMENTS)) as lookout,
        team.agent(GITSYNC_POLL_SECONDS="1"),
    ):
        team.ready(team.repository.log()[0].sha)
        pushed = int(time.time() * 1000)
        sha = commit_parallelism(team, parallelism)
        job = team.running(parallelism=parallelism, other_than=old.id)
        team.state()
        return upgrades.moments(lookout.seen, "ticks", job, sha, pushed)[2]


def commit_parallelism(team: worlds.teams.Team, parallelism: int) -> str:
    """Another width of the job, by a commit; its SHA."""
    return team.repository.edit(f"Parallelism {parallelism}", JOB, lambda text: _with_parallelism(text, parallelism))


def by_hand(team: worlds.teams.Team, parallelism: int) -> timelines.Upgrade:
    """The same upgrade with no agent running; the FlinkDeployment is left as it was."""
    directory = savepoint_directory(team)
    upgrade = byhand.upgrade(team.client, team.jobs, "ticks", parallelism, directory)
    team.state()
    return upgrade


def savepoint_directory(team: worlds.teams.Team) -> str:
    """Where the job's configuration puts savepoints."""
    conf = dig(team.deployment(), "spec", "flinkConfiguration", default={})
    return str(conf.get("execution.checkpointing.savepoint-dir") or conf.get("state.savepoints.dir"))


def _with_parallelism(text: str, wanted: int) -> str:
    manifest: Object = yaml.safe_load(text)
    manifest["spec"]["job"]["parallelism"] = wanted
    return yaml.safe_dump(manifest, sort_keys=False)
