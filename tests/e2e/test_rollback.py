"""Rollback: a broken image is given up for the last stable spec with its state; Git's next word heals it."""

from __future__ import annotations

import highlyavailable
import savedstates
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

OPERATOR = "kubernetes.operator."
FILE = "apps/ticks.yaml"


def test_broken_image_is_rolled_back_with_the_state_and_told_until_git_heals_it(team: Team) -> None:
    def change(manifest: Object) -> None:
        highlyavailable.change(manifest)
        manifest["spec"]["flinkConfiguration"] |= {
            f"{OPERATOR}deployment.rollback.enabled": "true",
            f"{OPERATOR}deployment.readiness.timeout": "2 min",
        }

    def broken(manifest: Object) -> None:
        change(manifest)
        manifest["spec"]["image"] = "ticks:no-such-tag"

    good = team.job_file("ticks", change)
    team.repository.commit("Run", {"apps/access.yaml": team.access_file(), FILE: good})
    with team.agent():
        team.running()
        team.until(lambda: lifecycle(team) == "STABLE", "STABLE", 60)
        before = savedstates.saved(team)
        bad = team.repository.commit("No such image", {FILE: team.job_file("ticks", broken)})
        again = savedstates.next_run(team, before)
        assert again.id == before.run.id
        team.until(lambda: lifecycle(team) == "ROLLED_BACK", "ROLLED_BACK", 60)
        message = team.complaint("rolled back", bad, 60)
        assert "Traceback" not in message
        condition = {each["type"]: each for each in dig(team.deployment(), "status", "conditions")}["Ready"]
        assert (condition["status"], condition["reason"]) == ("False", "RolledBack")
        assert "no-such-tag" in condition["message"]
        reasons = {each["reason"] for each in team.events() if each["involvedObject"]["name"] == "ticks"}
        assert "Rollback" in reasons

        pod = job_manager_uid(team)
        healed = team.repository.commit("Take it back", {FILE: good})
        team.ready(healed)
        team.until(lambda: lifecycle(team) == "STABLE", "STABLE again", 60)
        assert job_manager_uid(team) == pod, "healed without a restart"


def lifecycle(team: Team) -> str:
    return str(dig(team.deployment(), "status", "lifecycleState"))


def job_manager_uid(team: Team) -> str:
    return str(team.client.send(requests.get(requests.DEPLOYMENTS, team.jobs, "ticks"))["metadata"]["uid"])
