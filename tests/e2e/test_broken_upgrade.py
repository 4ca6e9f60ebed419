"""An upgrade to an image that does not exist, after the savepoint was taken, is healed by the next good commit."""

from __future__ import annotations

from teams import Team

FILE = "apps/ticks.yaml"


def test_next_good_commit_heals_with_the_state(team: Team) -> None:
    good = team.job_file("ticks")
    team.repository.commit("Run it", {"apps/access.yaml": team.access_file(), FILE: good})
    with team.agent():
        old = team.running()
        before = team.state()
        broken = team.repository.edit("A typo", FILE, lambda text: text.replace("ticks:1.20", "ticks:1.02"))
        team.complaint("ticks:1.02", broken)
        assert "ticks:1.02" in team.status()
        noted = team.until(lambda: team.notes(broken) or None, "a note", 60)
        assert "failed" in {record.phase.value for record in noted}
        healed = team.repository.commit("Correct it", {FILE: good})
        job = team.running(other_than=old.id)
        after = team.state()
        assert before.total <= after.restored < after.total and after.gaps == 0
        restored = team.flink().restored(job)
        assert restored is not None and restored.is_savepoint
        team.ready(healed)
