"""TaskManagers that cannot start: the job's resource says why, and the next good commit heals it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from teams import Team

from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"
MISSING = {"name": "prepare", "image": "registry.invalid/prepare:1", "command": ["true"]}


def test_an_image_that_only_task_managers_need_and_nobody_has(make_team: Callable[[str], Team]) -> None:
    team = make_team("image")

    def broken(manifest: Object) -> None:
        template = {"spec": {"initContainers": [MISSING]}}
        manifest["spec"]["taskManager"]["podTemplate"] = template

    files = {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks", broken)}

    def told() -> str | None:
        conditions = dig(team.deployment(), "status", "conditions", default=[])
        ready = next((one for one in conditions if one["type"] == "Ready"), {})
        return str(ready["message"]) if ready.get("reason") in ("ErrImagePull", "ImagePullBackOff") else None

    with team.agent():
        team.repository.commit("Run the job", files)
        message = team.until(told, "the condition names the image's trouble")
        assert message.startswith("The job waits for TaskManagers: ticks-taskmanager-1-")
        assert "[prepare]" in message
        assert {event["reason"] for event in team.events()} & {"ErrImagePull", "ImagePullBackOff"}
        sha = team.repository.commit("Do without", {FILE: team.job_file("ticks")})
        team.running()
        team.ready(sha)
