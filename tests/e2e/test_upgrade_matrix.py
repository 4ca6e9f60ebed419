"""Every upgrade mode of both kinds of cluster and both lines of Flink: what the state does, with real jobs."""

from __future__ import annotations

from collections.abc import Callable

import highlyavailable
import pytest
import savedstates
import teams
from teams import Team

from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"
MODES = ("savepoint", "last-state", "last-state without HA", "stateless")


@pytest.mark.parametrize("version", ["v1_20", "v2_3"])
@pytest.mark.parametrize("kind", ["native", "standalone"])
@pytest.mark.parametrize("mode", MODES)
def test_what_an_upgrade_does_with_the_state(
    make_team: Callable[[str], Team], mode: str, kind: str, version: str
) -> None:
    team = make_team(f"-{MODES.index(mode)}-{kind[0]}-{version}")

    change = changes(mode, kind)
    files = {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks", change(1), version)}
    team.repository.commit("Run it", files)
    with team.agent():
        team.running()
        before = savedstates.saved(team)
        sha = team.repository.commit("Two at a time", {FILE: team.job_file("ticks", change(2), version)})
        if mode == "stateless":
            again = team.running(parallelism=2, other_than=before.run.id)
            assert team.state().restored == 0 and team.flink().restored(again) is None
        else:
            again = savedstates.next_run(team, before, parallelism=2)
            assert (again.id == before.run.id) is (mode == "last-state")
            restored = team.flink().restored(again)
            assert restored is not None and ("/savepoint-" in restored.path) is (mode == "savepoint")
        team.ready(sha)
        assert dig(team.deployment(), "status", "lifecycleState") == "STABLE"
    teams.clear(team)


@pytest.mark.parametrize(("kind", "version"), [("native", "v2_3"), ("standalone", "v1_20")])
def test_checkpoint_left_for_an_upgrade_goes_after_the_next_one(
    make_team: Callable[[str], Team], kind: str, version: str
) -> None:
    team = make_team(f"-left-{kind[0]}-{version}")
    change = changes("last-state without HA", kind)
    files = {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks", change(1), version)}
    team.repository.commit("Run it", files)
    with team.agent():
        team.running()
        left = []
        for parallelism in (2, 1):
            before = savedstates.saved(team)
            team.repository.commit("Another width", {FILE: team.job_file("ticks", change(parallelism), version)})
            again = savedstates.next_run(team, before, parallelism=parallelism)
            restored = team.flink().restored(again)
            assert restored is not None and f"/{before.run.id}/chk-" in restored.path
            left.append(team.folder / restored.path.removeprefix("file:/"))
        first, second = left
        team.until(lambda: not (first / "_metadata").exists(), "the checkpoint before the last upgrade gone", 60)
        assert (second / "_metadata").exists(), "a JobManager that restarts would start from it"
        savedstates.saved(team)
    teams.clear(team)


def changes(mode: str, kind: str) -> Callable[[int], Callable[[Object], None]]:
    """What makes the demo's job one of this mode, by parallelism."""

    def change(parallelism: int) -> Callable[[Object], None]:
        def changed(manifest: Object) -> None:
            if mode == "last-state":
                highlyavailable.change(manifest)
            manifest["spec"]["mode"] = kind
            manifest["spec"]["job"] |= {"upgradeMode": mode.partition(" ")[0], "parallelism": parallelism}

        return changed

    return change
