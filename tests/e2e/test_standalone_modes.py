"""Standalone applications off the main path: last state with high availability, logback (F02, F13, F15)."""

from __future__ import annotations

import shutil
import subprocess

import highlyavailable
import pytest
import yaml
from teams import Team

from gitsync.sandbox.images import registry
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import Request

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"
LOGBACK = "ch.qos.logback:logback-{}:1.2.13"
PATTERN = """<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>BY-LOGBACK %level %logger - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""


@pytest.mark.parametrize("version", ["v1_20", "v2_3"])
def test_the_last_state_is_kept_through_an_upgrade_and_a_loss(make_team, version: str) -> None:
    team: Team = make_team(version.replace("_", "-"))

    def standalone(manifest: Object) -> None:
        highlyavailable.change(manifest)
        manifest["spec"]["mode"] = "standalone"

    job = team.job_file("ticks", standalone, version)
    team.repository.commit("Run the ticks job", {"apps/access.yaml": team.access_file(), FILE: job})
    with team.agent():
        first, before = team.running(), team.state()

        def wider(text: str) -> str:
            manifest: Object = yaml.safe_load(text)
            manifest["spec"]["job"]["parallelism"] = 2
            return yaml.safe_dump(manifest, sort_keys=False)

        sha = team.repository.edit("Two at a time", FILE, wider)
        upgraded = team.running(parallelism=2)
        after = team.state()
        assert before.total <= after.restored < after.total and after.gaps == 0
        assert upgraded.id == first.id, "the last state goes on under the same id"
        team.ready(sha)

        deployments = {each["metadata"]["name"]: each for each in _deployments(team)}
        assert set(deployments) == {"ticks", "ticks-taskmanager"}
        uid = deployments["ticks"]["metadata"]["uid"]
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, "ticks", uid=uid))
        team.until(lambda: {each["metadata"]["uid"] for each in _deployments(team)}.isdisjoint({uid}) or None, "loss")
        team.running(parallelism=2)
        recovered = team.state()
        assert after.total <= recovered.restored and recovered.gaps == 0


def test_logging_goes_through_logback_where_the_image_has_it(make_team) -> None:
    team: Team = make_team("logback")
    if shutil.which("mvn") is None:
        pytest.skip("logback's jars come from Maven")
    libraries = team.folder / "image" / "opt" / "flink" / "lib"
    libraries.mkdir(parents=True)
    for part in ("classic", "core"):
        fetch = ("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={LOGBACK.format(part)}")
        subprocess.run([*fetch, f"-DoutputDirectory={team.folder / 'jars'}"], check=True)
        (jar,) = (team.folder / "jars").glob(f"logback-{part}-*.jar")
        jar.rename(libraries / f"a-{jar.name}")  # before log4j's binding on the class path
    registry.add(team.layout.dir, "ticks-logback:1.20", "ticks:1.20", team.folder / "image")

    def logback(manifest: Object) -> None:
        manifest["spec"] |= {"mode": "standalone", "image": "ticks-logback:1.20"}
        manifest["spec"]["logConfiguration"] = {"logback-console.xml": PATTERN}

    job = team.job_file("ticks", logback)
    team.repository.commit("Run the ticks job", {"apps/access.yaml": team.access_file(), FILE: job})
    with team.agent():
        team.running()
        pods = team.client.send(requests.listing(requests.PODS, team.jobs, labels="app=ticks"))["items"]
        assert sorted(dig(pod, "metadata", "labels", "component") for pod in pods) == ["jobmanager", "taskmanager"]
        for pod in pods:
            path = requests.PODS.path(team.jobs, pod["metadata"]["name"], "log")
            log = team.client.send_bytes(Request("GET", path)).decode()
            assert "BY-LOGBACK INFO org.apache.flink" in log


def _deployments(team: Team) -> list[Object]:
    return list(team.client.send(requests.listing(requests.DEPLOYMENTS, team.jobs))["items"])
