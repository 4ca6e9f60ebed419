"""Flink with TLS on its REST interface, its stores from a Secret, made by Java's own keytool (F32).

TLS alone goes through the API server's proxy; mutual TLS needs an agent in a pod, which reads the same Secret as the
JobManager and connects to the Service's name.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from teams import Team

from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import Request, Resource

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"
STORE, KEY, TRUST = "store-words", "key-words", "trust-words"
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)


def stores(folder: Path, kind: str) -> dict[str, bytes]:
    """A key store and the trust store that goes with it, of keytool's `kind`; PKCS12 knows one password only."""
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("the stores are made with keytool")
    own, trusted, certificate = folder / "own", folder / "trusted", folder / "certificate"
    key_password = KEY if kind == "JKS" else STORE
    pair = ["-genkeypair", "-alias", "rest", "-keyalg", "RSA", "-dname", "CN=ticks", "-keypass", key_password]
    export = ["-exportcert", "-alias", "rest", "-file", str(certificate)]
    trust = ["-importcert", "-noprompt", "-alias", "rest", "-file", str(certificate)]
    for words, store, password in ((pair, own, STORE), (export, own, STORE), (trust, trusted, TRUST)):
        command = [keytool, *words, "-keystore", str(store), "-storetype", kind, "-storepass", password]
        subprocess.run(command, check=True, capture_output=True)
    return {"rest.keystore": own.read_bytes(), "rest.truststore": trusted.read_bytes()}


def with_tls(kind: str, *, mutual: bool) -> Callable[[Object], None]:
    """The change of a FlinkDeployment that puts TLS on its REST interface."""

    def change(manifest: Object) -> None:
        spec = manifest["spec"]
        spec["flinkConfiguration"] |= {
            "security.ssl.rest.enabled": "true",
            "security.ssl.rest.authentication-enabled": str(mutual).lower(),
            "security.ssl.rest.keystore": "/etc/tls/rest.keystore",
            "security.ssl.rest.keystore-password": STORE,
            "security.ssl.rest.key-password": KEY if kind == "JKS" else STORE,
            "security.ssl.rest.truststore": "/etc/tls/rest.truststore",
            "security.ssl.rest.truststore-password": TRUST,
        }
        template = spec["podTemplate"]["spec"]
        template["volumes"].append({"name": "tls", "secret": {"secretName": "rest-tls"}})
        template["containers"][0]["volumeMounts"].append({"name": "tls", "mountPath": "/etc/tls"})

    return change


def put_secret(team: Team, kind: str) -> None:
    """The stores as a Secret beside the job."""
    data = {name: base64.b64encode(store).decode() for name, store in stores(team.folder, kind).items()}
    body: Object = {"metadata": {"name": "rest-tls"}, "data": data}
    team.client.send(requests.create(requests.SECRETS, team.jobs, body))


def wider(text: str) -> str:
    """The manifest with a parallelism of two."""
    manifest: Object = yaml.safe_load(text)
    manifest["spec"]["job"]["parallelism"] = 2
    return yaml.safe_dump(manifest, sort_keys=False)


def test_a_job_behind_tls_is_upgraded_with_its_state(make_team: Callable[[str], Team]) -> None:
    team = make_team("tls")
    put_secret(team, "PKCS12")
    flink = flinkjobs.FlinkRest(team.client, team.jobs, "ticks", tls=True)
    job = team.job_file("ticks", with_tls("PKCS12", mutual=False), "v2_3")

    def running(parallelism: int) -> flinkjobs.Job | None:
        found = flink.job()
        return found if found is not None and found.is_running and found.parallelism == parallelism else None

    def counting(above: int) -> flinkjobs.State | None:
        _, state = flink.state_or_none()
        return state if state is not None and state.total > max(above, state.restored) else None

    with team.agent():
        sha = team.repository.commit("Run the job", {"apps/access.yaml": team.access_file(), FILE: job})
        first = team.until(lambda: running(1), "the job runs")
        before = team.until(lambda: counting(0), "the job counts")
        team.ready(sha)
        assert dig(team.deployment(), "status", "jobManagerDeploymentStatus") == "READY"
        team.ready(team.repository.edit("Two at a time", FILE, wider))
        second = team.until(lambda: running(2), "the job runs wider")
        assert second.id != first.id
        after = team.until(lambda: counting(before.total), "the job counts on")
        assert before.total <= after.restored and after.gaps == 0


@contextmanager
def agent_pod(team: Team) -> Iterator[str]:
    """An agent of the Flink half as a pod that may do everything; its name."""
    account = {"metadata": {"name": "agent"}}
    team.client.send(requests.create(requests.SERVICE_ACCOUNTS, team.home, account))
    binding: Object = {
        "metadata": {"name": team.home},
        "roleRef": {"apiGroup": BINDINGS.group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": team.home}],
    }
    team.client.send(requests.create(BINDINGS, None, binding))
    settings = {
        "GITSYNC_ROLE": "operator",
        "GITSYNC_NAMESPACE": team.home,
        "GITSYNC_WATCH_NAMESPACES": team.jobs,
        "GITSYNC_FLINK_REST": "direct",
        "GITSYNC_WORK_DIRECTORY": "/tmp/gitsync",
    }
    container = {
        "name": "gitsync",
        "image": "gitsync:latest",
        "args": ["run"],
        "env": [{"name": name, "value": value} for name, value in settings.items()],
    }
    pod: Object = {
        "metadata": {"name": "agent"},
        "spec": {"serviceAccountName": "agent", "containers": [container], "restartPolicy": "Never"},
    }
    team.client.send(requests.create(requests.PODS, team.home, pod))
    try:
        yield "agent"
    except BaseException as error:
        error.add_note(log_of(team, team.home, "agent"))
        raise
    finally:
        team.client.send(requests.delete(requests.PODS, team.home, "agent"))
        team.client.send(requests.delete(BINDINGS, None, team.home))


def log_of(team: Team, namespace: str, pod: str) -> str:
    """What a pod said."""
    return team.client.send_bytes(Request("GET", requests.PODS.path(namespace, pod, "log"))).decode(errors="replace")


def test_an_agent_in_a_pod_proves_itself_with_the_jobs_own_key(make_team: Callable[[str], Team]) -> None:
    team = make_team("mutual")
    put_secret(team, "JKS")
    for body in yaml.safe_load_all(team.access_file()):
        group, _, version = str(body["apiVersion"]).rpartition("/")
        kind = Resource(group, version, f"{body['kind'].lower()}s", body["kind"])
        team.client.send(requests.create(kind, team.jobs, body))

    def status() -> Object:
        return dict(dig(team.deployment(), "status", default={}))

    def stable(other_than: object = None) -> Object | None:
        found = status()
        settled = found.get("lifecycleState") == "STABLE" and dig(found, "jobStatus", "state") == "RUNNING"
        return found if settled and dig(found, "jobStatus", "jobId") != other_than else None

    with agent_pod(team):
        manifest: Object = yaml.safe_load(team.job_file("ticks", with_tls("JKS", mutual=True)))
        team.client.send(requests.create(requests.FLINK_DEPLOYMENTS, team.jobs, manifest))
        first = team.until(stable, "the job runs")
        team.until(lambda: dig(status(), "clusterInfo", "state-size"), "a checkpoint was completed")
        change = {"spec": {"job": {"parallelism": 2}}}
        team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", change))
        second = team.until(lambda: stable(first["jobStatus"]["jobId"]), "the job runs wider")
        path = str(second["jobStatus"]["upgradeSavepointPath"])
        assert "savepoint-" in path
        pods = team.client.send(requests.listing(requests.PODS, team.jobs, labels="component=jobmanager"))["items"]
        assert any(path in log_of(team, team.jobs, pod["metadata"]["name"]) for pod in pods)
