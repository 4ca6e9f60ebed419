"""`make bench`: prints measurements as Markdown, asserts none.

Everything that is compared is measured in the same run on the same machine, since machines are noisy: the agent's
upgrade beside the same steps driven by hand, alternating.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from gitsync.sandbox.demo import timelines
from gitsync.sandbox.demo.timelines import PHASES
from gitsync.sandbox.progress import Progress

from . import manyapps, manyjobs, measuring, onesilent, upgrademodes, validating, worlds

PARTS = ("apps", "jobs", "latency", "modes", "rest", "silent", "upgrade", "validate")


def main() -> None:
    """Measure everything, or the parts named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="upgrades by each way")
    parser.add_argument("--commits", type=int, default=10, help="commits per way of noticing them")
    parser.add_argument("--version", default="v1_20", choices=["v1_20", "v2_3"])
    parser.add_argument("--apps", type=int, default=50, help="apps in one repository")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 100, 500], help="FlinkDeployments at once")
    parser.add_argument("--ways", nargs="+", choices=upgrademodes.WAYS, help="of modes; all by default")
    options = parser.parse_args()
    parts = options.only or PARTS
    progress = Progress()
    if "apps" in parts:
        manyapps.print_costs(manyapps.measure(options.apps, progress))
    if "jobs" in parts:
        manyjobs.print_costs(*manyjobs.measure(tuple(options.jobs), progress))
    if "silent" in parts:
        onesilent.print_delays(*onesilent.measure(progress))
    if "validate" in parts:
        validating.print_costs(validating.measure(progress))
    if set(parts) <= {"apps", "jobs", "silent", "validate"}:
        return
    with worlds.world(progress) as team:
        _with_jobs(team, parts, options, progress)


def _with_jobs(team: worlds.teams.Team, parts: Sequence[str], options: argparse.Namespace, progress: Progress) -> None:
    """The parts that need running jobs."""
    if "latency" in parts:
        with progress.stage("commit → applied"):
            found = measuring.latencies(team, options.commits)
        print_latencies(found)
    if "rest" in parts:
        with progress.stage("agent at rest, no job"):
            rests = [measuring.at_rest(team, "no job")]
    if "rest" in parts or "upgrade" in parts:
        with progress.stage("start the job"):
            measuring.start_job(team, options.version)
    if "rest" in parts:
        with progress.stage("agent at rest, one job"):
            rests.append(measuring.at_rest(team, "one running job"))
        print_rests(rests)
    if "upgrade" in parts:
        print_upgrades(*_upgrades(team, progress, options.rounds), options.version)
    if "modes" in parts:
        setting = upgrademodes.Setting(team, options.version, options.rounds, progress)
        upgrademodes.measure(setting, options.ways or ())


def _upgrades(
    team: worlds.teams.Team, progress: Progress, rounds: int
) -> tuple[list[timelines.Upgrade], list[timelines.Upgrade]]:
    """The job ends each round as the resource says, so that the next round starts from the same place."""
    agent: list[timelines.Upgrade] = []
    for number in range(rounds):
        with progress.stage(f"upgrade by commit, {number + 1} of {rounds}"):
            agent.append(measuring.by_agent(team, 2 - number % 2))
    hand: list[timelines.Upgrade] = []
    for number in range(rounds):
        with progress.stage(f"upgrade by hand, {number + 1} of {rounds}"):
            hand.append(measuring.by_hand(team, 2 - (rounds + number) % 2))
    return agent, hand


def print_latencies(found: list[measuring.Latency]) -> None:
    """Commit → applied."""
    print("\n| commit → applied | commits | median s | worst s |\n|---|---|---|---|")
    for each in found:
        print(f"| {each.how} | {each.count} | {each.median:.2f} | {each.worst:.2f} |")


def print_rests(rests: list[measuring.Rest]) -> None:
    """The agent's cost at rest."""
    print("\n| agent at rest | resident MB | CPU s per minute |\n|---|---|---|")
    for each in rests:
        print(f"| {each.what} | {each.resident_mb:.0f} | {each.cpu_s_per_minute:.2f} |")


def print_upgrades(agent: list[timelines.Upgrade], hand: list[timelines.Upgrade], version: str) -> None:
    """Medians by phase, side by side."""
    print(
        f"\n| upgrade on {version}, s (median of {len(agent)}) | by commit | by hand | difference |\n|---|---|---|---|"
    )
    for phase in PHASES:
        _row(phase, [each.phases[phase] for each in agent], [each.phases[phase] for each in hand])
    _row("**downtime**", [each.downtime_s for each in agent], [each.downtime_s for each in hand])


def _row(name: str, agent: list[float], hand: list[float]) -> None:
    ours, floor = statistics.median(agent), statistics.median(hand)
    print(f"| {name} | {ours:.2f} | {floor:.2f} | {ours - floor:+.2f} |")


if __name__ == "__main__":
    main()
