"""Settings of the Flink half that change while it runs, and several operators side by side, on a real API server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kubectls
import pytest
import yaml
from syncing import wait_for

from gitsync.apply import definitions
from operator_core.conf import defaults as layers
from operator_core.conf import options
from operator_core.conf.defaults import Defaults
from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.requests import Request
from operator_core.runtime.clock import SystemClock

NAMESPACED = Path(__file__).parents[2] / "deploy" / "kustomize" / "namespaced"


class Jobs:
    """FlinkDeployments of one namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace
        with_name = {"metadata": {"name": namespace}}
        try:
            client.send(requests.create(requests.NAMESPACES, None, with_name))
        except errors.AlreadyExists:
            return

    def create(self, name: str = "app", labels: Object | None = None) -> None:
        """One that would run."""
        body: Object = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels or {}},
            "spec": {
                "image": "flink:1.20",
                "flinkVersion": "v1_20",
                "serviceAccount": "default",
                "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
                "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
                "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "stateless"},
            },
        }
        self.client.send(requests.create(requests.FLINK_DEPLOYMENTS, self.namespace, body))

    def edit(self, name: str, spec: Object) -> int:
        """The new generation."""
        request = requests.merge_patch(requests.FLINK_DEPLOYMENTS, self.namespace, name, {"spec": spec})
        return int(self.client.send(request)["metadata"]["generation"])

    def label(self, name: str, key: str, value: str) -> None:
        """Set one label."""
        patch = {"metadata": {"labels": {key: value}}}
        self.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, self.namespace, name, patch))

    def metadata(self, name: str) -> Object:
        live = self.client.send(requests.get(requests.FLINK_DEPLOYMENTS, self.namespace, name))
        return dict(live["metadata"])

    def status(self, name: str, *path: str) -> object:
        return dig(self.client.send(requests.get(requests.FLINK_DEPLOYMENTS, self.namespace, name)), "status", *path)

    def wait_deployed(self, name: str = "app", generation: int = 1) -> str:
        """The uid of its JobManager Deployment once that generation is deployed."""

        def probe() -> str | None:
            done = self.status(name, "observedGeneration") == generation
            if not done or self.status(name, "reconciliationStatus", "state") != "DEPLOYED":
                return None
            return self.deployment_uid(name)

        return wait_for(f"{self.namespace}/{name} generation {generation}", probe, seconds=30)

    def deployment_uid(self, name: str = "app") -> str:
        return str(self.client.send(requests.get(requests.DEPLOYMENTS, self.namespace, name))["metadata"]["uid"])

    def option(self, key: str, name: str = "app") -> str | None:
        """An option as Flink gets it."""
        config = self.client.send(requests.get(requests.CONFIG_MAPS, self.namespace, f"flink-config-{name}"))
        lines = (line.partition(": ") for line in config["data"]["flink-conf.yaml"].splitlines())
        return {key: value for key, _, value in lines}.get(key)


@contextmanager
def running(client: Client, *namespaces: str, defaults: Defaults = layers.NONE) -> Iterator[Operator]:
    """The Flink half, watching these namespaces."""
    made = Operator(client, clock=SystemClock(), namespaces=namespaces, defaults=defaults, rest="proxy", workers=2)
    made.start()
    assert made.wait_synced(20)
    try:
        yield made
    finally:
        assert made.stop(10.0)


@pytest.fixture(autouse=True)
def kinds(client: Client) -> None:
    definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=30.0, told=lambda _: None)


def test_new_defaults_wait_for_the_next_deployment_of_a_job(client: Client, namespace: str) -> None:
    jobs = Jobs(client, namespace)
    slots, per_namespace = "taskmanager.numberOfTaskSlots", f"{options.DEFAULT_CONFIGURATION}namespace."
    with running(client, namespace, defaults=Defaults({slots: "2"})) as operator:
        jobs.create()
        before = jobs.wait_deployed()
        assert jobs.option(slots) == "2"
        operator.configure(Defaults({slots: "2", f"{per_namespace}{namespace}.{slots}": "4"}))
        jobs.create("other")
        jobs.wait_deployed("other")
        assert jobs.option(slots, "other") == "4"
        assert (jobs.deployment_uid(), jobs.option(slots)) == (before, "2")
        generation = jobs.edit("app", {"restartNonce": 1})
        assert jobs.wait_deployed("app", generation) != before
        assert jobs.option(slots) == "4"


def test_watched_namespaces_change_without_losing_what_happened(client: Client, namespace: str) -> None:
    first, second = Jobs(client, namespace), Jobs(client, f"{namespace[:40]}-second")
    with running(client, first.namespace) as operator:
        first.create()
        second.create()
        before = first.wait_deployed()
        assert second.status("app") is None
        operator.watch((first.namespace, second.namespace))
        second.wait_deployed()
        operator.watch((second.namespace,))
        missed = first.edit("app", {"restartNonce": 1})
        second.create("next")
        second.wait_deployed("next")
        assert (first.status("app", "observedGeneration"), first.deployment_uid()) == (1, before)
        operator.watch(())
        assert first.wait_deployed("app", missed) != before
        assert second.status("app", "observedGeneration") == 1


def test_a_label_selector_says_which_resources_are_looked_after(client: Client, namespace: str) -> None:
    """Labels and the selector may change while the operator runs; what is not meant is not touched, a deletion too."""
    jobs = Jobs(client, namespace)
    selecting = [Defaults({options.LABEL_SELECTOR.key: f"team in ({team})"}) for team in ("payments", "search,fraud")]
    with running(client, namespace, defaults=selecting[0]) as operator:
        jobs.create("mine", {"team": "payments"})
        jobs.create("other", {"team": "search"})
        jobs.create("plain")
        jobs.wait_deployed("mine")
        jobs.label("plain", "team", "payments")
        jobs.wait_deployed("plain")
        assert jobs.status("other") is None and "finalizers" not in jobs.metadata("other")
        uid = jobs.deployment_uid("mine")
        operator.configure(selecting[1])
        jobs.wait_deployed("other")
        missed = jobs.edit("mine", {"restartNonce": 1})
        jobs.label("plain", "team", "fraud")
        jobs.wait_deployed("plain", jobs.edit("plain", {"restartNonce": 1}))
        assert (jobs.status("mine", "observedGeneration"), jobs.deployment_uid("mine")) == (1, uid)
        operator.configure(selecting[0])
        assert jobs.wait_deployed("mine", missed) != uid


def test_two_operators_beside_each_other_each_do_their_own(client: Client, namespace: str) -> None:
    first, second = Jobs(client, namespace), Jobs(client, f"{namespace[:40]}-second")
    mark = "kubernetes.jobmanager.cpu.limit-factor"
    with (
        running(client, first.namespace, defaults=Defaults({mark: "1.5"})),
        running(client, second.namespace, defaults=Defaults({mark: "2.5"})),
    ):
        for jobs in (first, second):
            jobs.create()
            jobs.wait_deployed()
    assert (first.option(mark), second.option(mark)) == ("1.5", "2.5")
    for jobs in (first, second):
        events = client.send(requests.listing(requests.EVENTS, jobs.namespace))["items"]
        assert sum(event["reason"] == "Submit" for event in events) == 1


def test_rights_in_a_namespace_are_enough_for_it(
    client: Client, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    mine, other = Jobs(client, namespace), Jobs(client, f"{namespace[:40]}-other")
    restricted = Client.connect(kubeconfig=_restricted(client, kubeconfig, namespace, tmp_path))
    with pytest.raises(errors.Forbidden):
        restricted.send(requests.listing(requests.FLINK_DEPLOYMENTS, None))
    with running(restricted, namespace) as operator:
        mine.create()
        mine.wait_deployed()
        operator.watch((namespace, other.namespace))
        other.create()
        wait_for("a word about the missing rights", lambda: operator.resources.problem)
        generation = mine.edit("app", {"restartNonce": 1})
        mine.wait_deployed("app", generation)
        assert other.status("app") is None


def test_an_edited_settings_file_reaches_a_running_agent(
    client: Client, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    jobs, later = Jobs(client, namespace), Jobs(client, f"{namespace[:40]}-later")
    file, log = tmp_path / "settings.yaml", tmp_path / "log"
    slots = "taskmanager.numberOfTaskSlots"
    content: Object = {"role": "operator", "flinkRest": "proxy", "namespace": namespace}
    file.write_text(yaml.safe_dump({**content, "watchNamespaces": [namespace], "operatorDefaults": {slots: 2}}))
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "-m", "gitsync.cli.main", "run", "--config", str(file)]
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as agent:
        try:
            jobs.create()
            before = jobs.wait_deployed()
            both = [namespace, later.namespace]
            file.write_text(yaml.safe_dump({**content, "watchNamespaces": both, "operatorDefaults": {slots: 3}}))
            told = "changed settings take effect: operator_defaults, watch_namespaces"
            wait_for("the new settings", lambda: told in log.read_text() or None)
            later.create()
            later.wait_deployed()
            assert (jobs.option(slots), later.option(slots)) == ("2", "3")
            assert jobs.deployment_uid() == before
        finally:
            agent.terminate()
            assert agent.wait(30) == 0, log.read_text()


def _restricted(client: Client, kubeconfig: Path, namespace: str, directory: Path) -> Path:
    """A kubeconfig with the rights of deploy/kustomize/namespaced for one namespace."""
    built = subprocess.run(
        [kubectls.kubectl(directory), "kustomize", str(NAMESPACED)], capture_output=True, text=True, check=True
    )
    discovery = Discovery(client)
    manifests = list(yaml.safe_load_all(built.stdout))
    assert not [m["kind"] for m in manifests if m["kind"].startswith("Cluster")]
    for manifest in sorted(manifests, key=lambda one: one["kind"] != "Namespace"):
        if manifest["metadata"].get("namespace") == "jobs":
            manifest["metadata"]["namespace"] = namespace
        if manifest["kind"] != "Deployment":
            resource = discovery.find(manifest["apiVersion"], manifest["kind"])
            assert resource is not None
            client.send(requests.apply(resource, manifest, field_manager="test"))
    path = requests.SERVICE_ACCOUNTS.path("gitsync-system", "gitsync", "token")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = client.send(Request("POST", path, (), body))["status"]["token"]
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = directory / "restricted"
    file.write_text(yaml.safe_dump(config))
    return file
