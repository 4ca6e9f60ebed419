"""Where the downtime of an upgrade goes in each mode, and how soon the job of a lost JobManager runs again.

Each way of upgrading gets a job of its own, which is upgraded by commits and then by hand. Stateless and last-state
stops have no savepoint: their downtime is counted from the record of the stop. Without high availability last-state
cancels the job and goes on from the checkpoint that stays. What cannot be recovered unasked is measured until the
status names the way out, and from the request that takes it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from gitsync.sandbox.demo import flinkjobs, sightings, timelines, waiting
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

from . import byhand, measuring, worlds

MODES = {
    "savepoint": "savepoint",
    "last-state": "last-state with HA",
    "cancel": "last-state without HA",
    "stateless": "stateless",
}
"""By the short names that `--ways` takes."""
KINDS = ("native", "standalone")
WAYS = tuple(f"{mode}-{kind}" for kind in KINDS for mode in MODES)
PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One way of upgrading: by commits, and the same by hand."""

    what: str
    agent: tuple[timelines.Upgrade, ...]
    hand: tuple[timelines.Upgrade, ...]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from a loss until every task runs again, or until the status says that a person has to decide."""

    what: str
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where, on which version of Flink and how often is measured."""

    world: worlds.teams.Team
    version: str
    rounds: int
    progress: Progress


def measure(setting: Setting, ways: Sequence[str]) -> None:
    """Some ways or all, each told as it is measured; recoveries of the native ones with state."""
    recoveries: list[Recovery] = []
    print_head(setting.version)
    try:
        for way in ways or WAYS:
            mode, _, kind = way.rpartition("-")
            print_row(_measured(setting, mode, kind, recoveries))
    finally:
        print_recoveries(recoveries)


def _measured(setting: Setting, mode: str, kind: str, recoveries: list[Recovery]) -> Row:
    world, progress, rounds = setting.world, setting.progress, setting.rounds
    way = f"{mode}-{kind}"
    team = worlds.team(world.layout, world.folder / way, way)
    with progress.stage(f"{way}: start"):
        measuring.start_job(team, setting.version, _changed(mode, kind))
    with progress.stage(f"{way}: {rounds} upgrades by commit"):
        agent = tuple(_by_agent(team, mode, 2 - number % 2) for number in range(rounds))
    if kind == "native" and mode in ("savepoint", "last-state"):
        with progress.stage(f"{way}: JobManager killed"):
            recoveries += _recoveries(team, mode, rounds)
    with progress.stage(f"{way}: {rounds} upgrades by hand"):
        hand = tuple(_by_hand(team, mode, 2 - (rounds + number) % 2) for number in range(rounds))
    worlds.teams.clear(team)
    return Row(f"{MODES[mode]}, {kind}", agent, hand)


def _changed(mode: str, kind: str) -> worlds.Change:
    def changed(manifest: Object) -> None:
        if mode == "last-state":
            worlds.highlyavailable.change(manifest)
        manifest["spec"]["mode"] = kind
        manifest["spec"]["job"]["upgradeMode"] = "last-state" if mode == "cancel" else mode

    return changed


def _by_agent(team: worlds.teams.Team, mode: str, parallelism: int) -> timelines.Upgrade:
    if mode == "savepoint":
        return measuring.by_agent(team, parallelism)
    kinds = (requests.FLINK_DEPLOYMENTS, requests.DEPLOYMENTS)
    with sightings.Lookout(team.client, team.jobs, kinds) as lookout, team.agent():
        team.ready(team.repository.log()[0].sha)
        pushed = int(time.time() * 1000)
        measuring.commit_parallelism(team, parallelism)
        boot = timelines.boot_of(team.running(parallelism=parallelism))
        team.state()
        stopped = _stop_recorded_ms(lookout.seen, pushed)
        created = sightings.created_ms(lookout.seen, "ticks", pushed)
        assert boot is not None and stopped is not None and created is not None, "the upgrade was not seen whole"
        return timelines.Upgrade(stopped, stopped, created, boot)


def _stop_recorded_ms(seen: Sequence[sightings.Sighting], after_ms: int) -> int | None:
    for each in seen:
        state = dig(each.object, "status", "reconciliationStatus", "state")
        if each.kind == "FlinkDeployment" and each.at_ms >= after_ms and state == "UPGRADING":
            return each.at_ms
    return None


def _by_hand(team: worlds.teams.Team, mode: str, parallelism: int) -> timelines.Upgrade:
    directory = measuring.savepoint_directory(team)
    upgrade = byhand.upgrade(team.client, team.jobs, "ticks", parallelism, directory, mode)
    team.state()
    return upgrade


def _recoveries(team: worlds.teams.Team, mode: str, rounds: int) -> list[Recovery]:
    """Kills of the process, and deletions of the Deployment where something is known to go on from."""
    how = "with HA" if mode == "last-state" else "without HA"
    with team.agent():
        killed = tuple(_again(team, delete=False) for _ in range(rounds))
        found = [Recovery(f"JobManager's process killed, {how}", killed)]
        if mode == "last-state":
            deleted = tuple(_again(team, delete=True) for _ in range(rounds))
            found.append(Recovery(f"JobManager's Deployment deleted, {how}", deleted))
        else:
            found += _held(team, rounds)
    return found


def _held(team: worlds.teams.Team, rounds: int) -> list[Recovery]:
    """Deletions of the Deployment that nobody can recover from unasked: until it is said, and from there on."""
    told: list[float] = []
    again: list[float] = []
    for number in range(rounds):
        worlds.savedstates.saved(team)
        struck = time.time()
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, "ticks"))
        waiting.until(lambda: _is_blocked(team), "UpgradeBlocked", seconds=300, pause=PAUSE_S)
        asked = time.time()
        told.append(asked - struck)
        annotation: Object = {"metadata": {"annotations": {"gitsync.io/restore-from": f"bench-{number} latest"}}}
        team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", annotation))
        again.append(_booted_after(team, asked * 1000))
    what = "JobManager's Deployment deleted, without HA"
    return [
        Recovery(f"{what}: until the status names the way out", tuple(told)),
        Recovery(f"{what}: from the request `restore-from latest`", tuple(again)),
    ]


def _is_blocked(team: worlds.teams.Team) -> bool:
    conditions: list[Object] = dig(team.deployment("ticks"), "status", "conditions", default=[])
    return any(each["type"] == "UpgradeBlocked" and each["status"] == "True" for each in conditions)


def _again(team: worlds.teams.Team, *, delete: bool) -> float:
    worlds.savedstates.saved(team)
    struck = time.time() * 1000
    if delete:
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, "ticks"))
    else:
        assert worlds.kills.job_manager(team), "no JobManager runs"
    return _booted_after(team, struck)


def _booted_after(team: worlds.teams.Team, struck: float) -> float:
    """Seconds from a moment (epoch ms) until every task of a run that began later runs."""

    def booted() -> timelines.Boot | None:
        job: flinkjobs.Job | None = team.flink().job()
        boot = timelines.boot_of(job) if job is not None else None
        return boot if boot is not None and boot.submitted > struck else None

    boot = waiting.until(booted, "the job running again", seconds=300, pause=PAUSE_S)
    return (boot.running - struck) / 1000


def print_head(version: str) -> None:
    """The head of the table of upgrades."""
    print(f"\n| upgrade on {version}, s | way | {' | '.join(timelines.PHASES)} | **downtime** |")
    print("|---" * (len(timelines.PHASES) + 3) + "|", flush=True)


def print_row(row: Row) -> None:
    """Medians by phase, by commit and by hand."""
    for way, found in (("commit", row.agent), ("hand", row.hand)):
        phases = [statistics.median(each.phases[phase] for each in found) for phase in timelines.PHASES]
        total = statistics.median(each.downtime_s for each in found)
        print(f"| {row.what} | {way} | {' | '.join(f'{each:.2f}' for each in phases)} | {total:.2f} |", flush=True)


def print_recoveries(recoveries: list[Recovery]) -> None:
    """From each loss to what is told of it."""
    print("\n| lost | times | median s | worst s |\n|---|---|---|---|")
    for each in recoveries:
        print(
            f"| {each.what} | {len(each.seconds)} | {statistics.median(each.seconds):.2f} | {max(each.seconds):.2f} |"
        )
