"""Two agents in one cluster: one does the work, the other waits, says so, and takes over."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cuttable
import httpx
import pytest
from syncing import Cluster, Repository, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.requests import CONFIG_MAPS

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1'}\n"
LONG = 60.0


class Agent:
    """`gitsync run` as a process."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with socket.socket() as one:
            one.bind(("", 0))
            self.port = int(one.getsockname()[1])
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gitsync.cli.main", "run", "--probe-port", str(self.port)],
                env={**os.environ, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def readiness(self) -> str:
        """What /readyz says."""
        assert self._process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False, timeout=20).text
        return ""

    def wait_ready(self) -> None:
        """Until it works."""
        wait_for("readiness", lambda: self.readiness() == "ok" or None, seconds=LONG)

    def wait_waiting(self, lease: str = "") -> str:
        """Until it says that it waits for another one, for a lease where one is named."""
        part = f"{lease}: the agent" if lease else "holds it; this one waits"
        return wait_for("waiting", lambda: _if(self.readiness(), part), seconds=LONG)

    def wait_told(self, text: str) -> None:
        """Until its log has `text`."""
        wait_for(f"{text!r} in the log", lambda: _if(self.log.read_text(), text), seconds=LONG)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM and a clean end."""
        if self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(LONG) == 0, self.log.read_text()


Start = Callable[..., Agent]


def _if(text: str, part: str) -> str | None:
    return text if part in text else None


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit("first", {"apps/one.yaml": ONE})
    return made


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "GITSYNC_REPO": str(repository.bare),
        "GITSYNC_REVISION": "main",
        "GITSYNC_PATH": "apps",
        "GITSYNC_NAMESPACE": cluster.namespace,
        "GITSYNC_DESTINATION_NAMESPACE": cluster.namespace,
        "GITSYNC_WATCH_NAMESPACES": cluster.namespace,
        "GITSYNC_POLL_SECONDS": "0.2",
    }
    agents: list[Agent] = []

    def begin(**more: str) -> Agent:
        agents.append(Agent({**environment, **more}, tmp_path / f"agent-{len(agents)}.log"))
        return agents[-1]

    yield begin
    for agent in agents:
        agent.kill()


def wait_value(cluster: Cluster, value: str) -> None:
    """Until the ConfigMap that Git has holds `value`."""
    wait_for(f"a: {value}", lambda: dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == value or None, seconds=LONG)


def test_second_agent_waits_says_so_and_takes_over(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = start()
    first.wait_ready()
    second = start()
    second.wait_waiting(f"{cluster.namespace}/gitsync-operator")
    told = second.wait_waiting(f"{cluster.namespace}/gitsync-sync")
    assert "holds it; this one waits" in told
    assert first.readiness() == "ok"
    assert "running as" not in second.log.read_text()
    first.stop()
    second.wait_ready()
    repository.commit("second", {"apps/one.yaml": ONE.replace("'1'", "'2'")})
    wait_value(cluster, "2")
    second.kill()
    third = start()
    third.wait_ready()
    third.stop()
    live: Object = cluster.client.send(requests.get(requests.LEASES, cluster.namespace, "gitsync-sync"))
    assert (live["spec"]["holderIdentity"], live["spec"]["leaseTransitions"]) == ("", 2)


def test_deposed_agent_has_no_effect_until_the_lease_is_free(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    agent = start()
    agent.wait_ready()
    wait_value(cluster, "1")
    hold(cluster, "another", 3600)
    agent.wait_waiting()
    repository.commit("second", {"apps/one.yaml": ONE.replace("'1'", "'2'")})
    agent.wait_told("nothing is done without the lease")
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "1"
    hold(cluster, "", 1)
    agent.wait_ready()
    wait_value(cluster, "2")
    agent.stop()


def hold(cluster: Cluster, holder: str, seconds: int) -> None:
    """Write another holder into the lease of the sync half, which its holder may renew at the same moment."""

    def once() -> bool | None:
        live = cluster.client.send(requests.get(requests.LEASES, cluster.namespace, "gitsync-sync"))
        spec = {**live["spec"], "holderIdentity": holder, "leaseDurationSeconds": seconds}
        with contextlib.suppress(errors.Conflict):
            cluster.client.send(requests.replace(requests.LEASES, {**live, "spec": spec}))
            return True
        return None

    wait_for(f"{holder!r} has the lease", once)


def test_agent_started_during_an_outage_of_the_api_server_works_once_it_is_over(
    cluster: Cluster, kubeconfig: Path, start: Start, tmp_path: Path
) -> None:
    with cuttable.road(kubeconfig, tmp_path) as road:
        road.cut()
        agent = start(KUBECONFIG=str(road.kubeconfig))
        agent.wait_told("trying again for 120 s")
        assert "gitsync-operator: nobody asked for it yet" in agent.readiness()
        road.mend()
        agent.wait_ready()
        wait_value(cluster, "1")
        agent.stop()
    assert agent.log.read_text().count("trying again") == 1


def test_agent_started_during_an_outage_ends_when_told_to(kubeconfig: Path, start: Start, tmp_path: Path) -> None:
    with cuttable.road(kubeconfig, tmp_path) as road:
        road.cut()
        agent = start(KUBECONFIG=str(road.kubeconfig))
        agent.wait_told("trying again")
        agent.stop()
