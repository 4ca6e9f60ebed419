"""A job gets another name by a commit and goes on with its state, in an app of several waves (F55)."""

from __future__ import annotations

import pytest
import savedstates
import yaml
from teams import Team

from gitsync.sandbox.demo import commands
from operator_core.decide.renames import RENAMED_FROM
from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
LATE: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "late", "annotations": {"gitsync.io/sync-wave": "5"}},
    "data": {"some": "text"},
}


def test_a_renamed_job_goes_on_with_its_state(team: Team) -> None:
    def renamed(manifest: Object) -> None:
        manifest["metadata"]["annotations"] = {RENAMED_FROM: "ticks"}

    files = {"apps/access.yaml": team.access_file(), "apps/late.yaml": yaml.safe_dump(LATE)}
    first = team.repository.commit("Run", {**files, "apps/ticks.yaml": team.job_file("ticks")})
    with team.agent(GITSYNC_PRUNE="true"):
        team.running()
        team.ready(first)
        before = savedstates.saved(team)
        late = {**LATE, "data": {"some": "other text"}}
        changed = {
            "apps/ticks.yaml": None,
            "apps/tocks.yaml": team.job_file("tocks", renamed),
            "apps/late.yaml": yaml.safe_dump(late),
        }
        second = team.repository.commit("Call it tocks", changed)
        team.running("tocks", other_than=before.run.id)
        after = team.state("tocks")
        assert before.total <= after.restored < after.total and after.gaps == 0
        assert team.deployment("ticks") is None
        team.ready(second)
        taken = dig(team.deployment("tocks"), "status", "jobStatus", "upgradeSavepointPath")
        assert "savepoint-" in str(taken)

        # The annotation stays in Git and asks for nothing more.
        told = commands.gitsync(team.layout, "status", "--namespace", team.home)
        assert "tocks" in told and "ticks " not in told
        run = team.running("tocks")
        third = team.repository.commit("Something else", {"apps/late.yaml": yaml.safe_dump(LATE)})
        team.ready(third)
        assert team.running("tocks").id == run.id
