"""Session jobs whose change does not come up in time go back with their state; wider ones are rescaled as they run."""

from __future__ import annotations

import pytest
import sessions
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
OPERATOR = "kubernetes.operator."
OVERRIDES = "pipeline.jobvertex-parallelism-overrides"
SLOTS = 4
FILE = "apps/ticks.yaml"


def begin(team: Team, job: str, **options: str) -> None:
    """Commit a session cluster of four slots with these options, and a job on it."""

    def change(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] |= {"slotmanager.number-of-slots.max": str(SLOTS), **options}

    files = {"apps/access.yaml": team.access_file(), "apps/cluster.yaml": sessions.cluster_file(team, change)}
    team.repository.commit("A session cluster with a job", {**files, FILE: job})


def test_session_job_that_gets_no_slots_goes_back_to_its_stable_spec_with_its_state(make_team) -> None:
    team = make_team("back")

    def rolling_back(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] = {
            f"{OPERATOR}deployment.rollback.enabled": "true",
            f"{OPERATOR}deployment.readiness.timeout": "30 s",
        }

    good = sessions.job_file(team, "ticks", rolling_back)
    with team.agent(**sessions.settings(team)):
        begin(team, good)
        before = sessions.counting(team, "ticks")
        sessions.reaches(team, "ticks", "STABLE")
        wide = sessions.job_file(team, "ticks", rolling_back, parallelism=SLOTS + 1)
        bad = team.repository.commit("More than the cluster has", {FILE: wide})
        sessions.reaches(team, "ticks", "ROLLED_BACK")
        message = team.complaint("rolled back", bad, 60)
        assert "Traceback" not in message
        after = sessions.counting(team, "ticks", other_than=before.run.id)
        sessions.went_on(before, after)
        assert sessions.running_ids(team) == {after.run.id}
        assert "Rollback" in reasons(team)

        team.ready(team.repository.commit("Take it back", {FILE: good}))
        sessions.reaches(team, "ticks", "STABLE")
        assert sessions.counting(team, "ticks").run.id == after.run.id, "healed without a restart"


def test_changed_overrides_of_a_session_job_rescale_it_as_it_runs(make_team) -> None:
    team = make_team("wider")
    with team.agent(**sessions.settings(team)):
        begin(
            team,
            sessions.job_file(team, "ticks"),
            **{
                "jobmanager.scheduler": "adaptive",
                "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout": "0 s",
                "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "0 s",
                "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "0 s",
            },
        )
        before = sessions.counting(team, "ticks")
        sessions.reaches(team, "ticks", "STABLE")
        vertex = next(each.id for each in before.run.vertices if each.name.startswith("counts"))
        team.ready(team.repository.commit("Two counters", {FILE: overridden(team, {vertex: 2})}))
        wider = sessions.counting(team, "ticks", parallelism=2)
        assert wider.run.id == before.run.id
        assert wider.state.gaps == 0 and wider.state.total > before.state.total
        record = sessions.status(team, "ticks", "reconciliationStatus")
        assert dig(record, "state") == "DEPLOYED" and f"{vertex}:2" in str(dig(record, "lastReconciledSpec"))
        assert "Scaling" in reasons(team) and "Suspended" not in reasons(team)

        team.repository.commit("As before", {FILE: overridden(team, {})})
        again = sessions.counting(team, "ticks", other_than=before.run.id)
        sessions.went_on(wider, again)


def overridden(team: Team, overrides: dict[str, int]) -> str:
    """The job's file with these overrides, taken away where there are none."""
    manifest: Object = yaml.safe_load(sessions.job_file(team, "ticks"))
    text = ",".join(f"{vertex}:{count}" for vertex, count in overrides.items())
    manifest["spec"]["flinkConfiguration"] = {OVERRIDES: text} if text else {}
    return yaml.safe_dump(manifest, sort_keys=False)


def reasons(team: Team) -> set[str]:
    """Those of the events about the job."""
    about = {"kind": "FlinkSessionJob", "name": "ticks"}
    return {each["reason"] for each in team.events() if about.items() <= each["involvedObject"].items()}
