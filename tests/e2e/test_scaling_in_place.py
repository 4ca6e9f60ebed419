"""The adaptive scheduler: changed parallelism overrides rescale the running job, with no upgrade and no state lost."""

from __future__ import annotations

import pytest
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

KEY = "pipeline.jobvertex-parallelism-overrides"


@pytest.mark.full
def test_changed_overrides_rescale_the_running_job(team: Team) -> None:
    def adaptive(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] |= {
            "jobmanager.scheduler": "adaptive",
            "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout": "0 s",
            "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "0 s",
            "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "0 s",
            "taskmanager.numberOfTaskSlots": "2",
        }

    file = "apps/ticks.yaml"
    team.repository.commit("Run", {"apps/access.yaml": team.access_file(), file: team.job_file("ticks", adaptive)})
    with team.agent():
        job = team.running()
        before = team.state()
        pod = job_manager_uid(team)
        vertex = next(each.id for each in job.vertices if each.name.startswith("counts"))

        sha = team.repository.commit("Two counters", {file: overridden(team, file, {vertex: 2})})
        wider = team.running(parallelism=2)
        assert wider.id == job.id
        assert team.state(above=before.total).gaps == 0
        app = team.ready(sha)
        rows = {row["kind"]: row.get("effect") for row in dig(app, "status", "resources")}
        assert rows["FlinkDeployment"] == "scale-in-place"
        status = dig(team.deployment(), "status")
        assert status["reconciliationStatus"]["state"] == "DEPLOYED" and job_manager_uid(team) == pod
        reasons = {each["reason"] for each in team.events() if each["involvedObject"]["name"] == "ticks"}
        assert {"Scaling", "SpecChanged"} <= reasons and "Suspended" not in reasons

        team.repository.commit("As before", {file: overridden(team, file, {})})
        again = team.running(other_than=job.id)
        assert team.state(above=before.total).gaps == 0 and again.parallelism == 1, "taken away: a full upgrade"


def overridden(team: Team, file: str, overrides: dict[str, int]) -> str:
    """The file with these overrides."""
    manifest: Object = yaml.safe_load((team.repository.tree / file).read_text())
    configuration = manifest["spec"]["flinkConfiguration"]
    configuration.pop(KEY, None)
    if overrides:
        configuration[KEY] = ",".join(f"{vertex}:{count}" for vertex, count in overrides.items())
    return yaml.safe_dump(manifest, sort_keys=False)


def job_manager_uid(team: Team) -> str:
    return str(team.client.send(requests.get(requests.DEPLOYMENTS, team.jobs, "ticks"))["metadata"]["uid"])
