"""Health of an app as its objects come and go on a real API server (F46).

Of Flink resources the operator is the test; of built-in kinds it is the controller manager, or the test where a
kubelet would have to say something.
"""

import json

import flinkstatuses
import pytest
from operating import manifest
from syncing import DEPLOYMENT, ONE, Cluster, Repository, Start, wait_for
from webapps import make_app, ready, row, synced

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import DEPLOYMENTS, FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, Resource

CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
JOBS = Resource("batch", "v1", "jobs", "Job")
PODS = Resource("", "v1", "pods", "Pod")
ERROR = '{"type": "ValidationException", "message": "memory is wrong"}'
RUNS, UPGRADES = flinkstatuses.RUNS, flinkstatuses.UPGRADES


class Scene:
    """An app with one Flink job beside which a ConfigMap marks the commits."""

    def __init__(self, cluster: Cluster, repository: Repository, start: Start) -> None:
        self.cluster, self._repository = cluster, repository
        self._start = start

    def begin(self, kind: str = "FlinkDeployment") -> None:
        self._start(role="sync")
        make_app(self.cluster, self._repository, policy={})
        self.commit("flink:1.20", kind=kind)

    def commit(self, image: str, *, kind: str = "FlinkDeployment", **job: object) -> str:
        body = manifest(self.cluster.namespace, **job)
        body["spec"]["image"] = image
        if kind == "FlinkSessionJob":
            run = {"jarURI": "https://example.org/a.jar", "parallelism": 1, "upgradeMode": "stateless"}
            body |= {"kind": kind, "spec": {"deploymentName": "elsewhere", "job": run}}
        revision = self._repository.commit(image, {"web/job.json": json.dumps(body), "apps/.keep": ""})
        of = FLINK_SESSION_JOBS if kind == "FlinkSessionJob" else FLINK_DEPLOYMENTS
        wanted = body["spec"]["job"], body["spec"].get("image")
        wait_for("the commit", lambda: _said(self.cluster.get(of, "app")) == wanted or None)
        return revision

    def health(self, status: str, text: str = "") -> None:
        """Until the app and its job have this health, and the message says this."""

        def probe() -> bool | None:
            app = self.cluster.app("web")
            rows = [one for one in app.status.resources if one.name == "app"]
            found = rows[0].health if rows else None
            whole = app.status.health
            same = whole is not None and found is not None and whole.status == found.status == status
            return (same and text in (found.message or "")) or None  # type: ignore[union-attr]

        wait_for(f"{status} {text}", probe)
        settled = status in ("Healthy", "Suspended")
        wait_for("Ready", lambda: ready(self.cluster)[0] == str(settled) or None)


def _said(live: Object | None) -> tuple[object, object]:
    return dig(live, "spec", "job"), dig(live, "spec", "image")


@pytest.fixture
def scene(cluster: Cluster, repository: Repository, start: Start) -> Scene:
    return Scene(cluster, repository, start)


def test_a_job_is_healthy_only_while_it_runs_what_git_asks_for(scene: Scene) -> None:
    scene.begin()
    cluster = scene.cluster
    scene.health("Progressing", "the newest spec was not seen")
    flinkstatuses.say(
        cluster, "app", {**UPGRADES, "lifecycleState": "DEPLOYED"}, jobManagerDeploymentStatus="DEPLOYING"
    )
    scene.health("Progressing")
    flinkstatuses.say(cluster, "app", {**RUNS, "jobStatus": {"state": "CREATED"}})
    scene.health("Progressing")
    flinkstatuses.say(cluster, "app", RUNS)
    scene.health("Healthy")
    # A commit: what ran before still runs and says so, which is not health of what Git asks for.
    second = scene.commit("flink:bad")
    scene.health("Progressing", "the newest spec was not seen")
    flinkstatuses.write(cluster, "app", {"error": ERROR})
    scene.health("Degraded", "the spec was rejected and what ran before still runs: memory is wrong")
    assert synced(cluster, second).status.sync is not None
    flinkstatuses.say(cluster, "app", {**RUNS, "lifecycleState": "ROLLED_BACK"})
    scene.health("Degraded", "not what Git asked for")
    # The next good commit.
    scene.commit("flink:good")
    flinkstatuses.say(cluster, "app", UPGRADES, error=None)
    flinkstatuses.say(cluster, "app", RUNS, error=None)
    scene.health("Healthy")
    flinkstatuses.say(cluster, "app", {**RUNS, "jobStatus": {"state": "RESTARTING"}})
    scene.health("Progressing", "RESTARTING")
    flinkstatuses.say(cluster, "app", {**RUNS, "lifecycleState": "FAILED"}, error="out of memory")
    scene.health("Degraded", "out of memory")
    flinkstatuses.say(cluster, "app", {**RUNS, "jobStatus": {"state": "FINISHED"}}, error=None)
    scene.health("Healthy", "the job finished")


def test_a_job_that_git_suspends_is_ready(scene: Scene) -> None:
    scene.begin()
    cluster = scene.cluster
    flinkstatuses.say(cluster, "app", RUNS)
    scene.health("Healthy")
    scene.commit("flink:1.20", state="suspended", parallelism=2)
    scene.health("Progressing")
    flinkstatuses.say(cluster, "app", {**UPGRADES, "lifecycleState": "SUSPENDED"})
    scene.health("Suspended")
    scene.commit("flink:1.20", state="running", parallelism=2)
    scene.health("Progressing")
    flinkstatuses.say(cluster, "app", RUNS)
    scene.health("Healthy")


def test_a_session_job_needs_no_jobmanager_of_its_own(scene: Scene) -> None:
    scene.begin("FlinkSessionJob")
    say = {"lifecycleState": "STABLE", "jobStatus": {"state": "RUNNING"}}
    flinkstatuses.say(scene.cluster, "app", say, of=FLINK_SESSION_JOBS)
    scene.health("Healthy")
    flinkstatuses.write(scene.cluster, "app", {"jobStatus": {"state": "FAILED"}}, of=FLINK_SESSION_JOBS)
    scene.health("Degraded", "the job is FAILED")


BUILT_IN = {
    "claim.yaml": "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: claim}\n"
    "spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}\n",
    "job.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: batch}\n"
    "spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\nspec: {containers: [{name: a, image: a}]}\n",
    "web.yaml": DEPLOYMENT.replace("replicas: 0", "replicas: 1"),
    "quiet.yaml": DEPLOYMENT.replace("replicas: 0", "replicas: 1\n  progressDeadlineSeconds: 1")
    .replace("{name: web}", '{name: quiet, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}', 1)
    .replace("app: web", "app: quiet"),
    "one.yaml": ONE,
}


def test_built_in_kinds_by_what_their_controllers_say(cluster: Cluster, repository: Repository, start: Start) -> None:
    revision = repository.commit("first", {**{f"web/{k}": v for k, v in BUILT_IN.items()}, "apps/.keep": ""})
    start()
    make_app(cluster, repository, policy={})
    synced(cluster, revision)
    for name in ("claim", "batch", "pod", "web"):
        healthy(cluster, name, "Progressing")
    assert row(cluster.app("web"), "one").health is None, "a kind without a rule has no health"
    say(cluster, CLAIMS, "claim", {"phase": "Bound"})
    healthy(cluster, "claim", "Healthy")
    waiting = {
        "name": "a",
        "image": "a",
        "imageID": "",
        "ready": False,
        "restartCount": 1,
        "state": {"waiting": BACK_OFF},
    }
    say(cluster, PODS, "pod", {"phase": "Pending", "containerStatuses": [waiting]})
    healthy(cluster, "pod", "Degraded")
    run = wait_for("the Job's pod", lambda: _pod_of_the_job(cluster))
    say(cluster, PODS, run, {"phase": "Failed"})
    healthy(cluster, "batch", "Degraded")
    wait_for("the app", lambda: _whole(cluster) == "Degraded" or None)
    late = wait_for("the deadline of the Deployment that is ignored", lambda: _late(cluster))
    assert late["reason"] == "ProgressDeadlineExceeded"
    # A Deployment without pods to run is what it should be.
    less = repository.commit("less", {"web/pod.yaml": None, "web/job.yaml": None, "web/web.yaml": DEPLOYMENT})
    synced(cluster, less)
    healthy(cluster, "web", "Healthy")
    wait_for("the app", lambda: _whole(cluster) == "Healthy" or None)


def _pod_of_the_job(cluster: Cluster) -> str | None:
    items = cluster.client.send(requests.listing(PODS, cluster.namespace))["items"]
    return next((str(one["metadata"]["name"]) for one in items if one["metadata"]["name"].startswith("batch-")), None)


BACK_OFF = {"reason": "ImagePullBackOff", "message": "no such image"}


def _late(cluster: Cluster) -> Object | None:
    conditions = dig(cluster.get(DEPLOYMENTS, "quiet"), "status", "conditions", default=[])
    return next((one for one in conditions if one["type"] == "Progressing" and one["status"] == "False"), None)


def _whole(cluster: Cluster) -> str:
    health = cluster.app("web").status.health
    return health.status if health is not None else ""


def say(cluster: Cluster, of: Resource, name: str, status: Object) -> None:
    """What a kubelet or a provisioner would say."""
    cluster.client.send(requests.merge_patch(of, cluster.namespace, name, {"status": status}, subresource="status"))


def healthy(cluster: Cluster, name: str, status: str) -> None:
    """Until the object has this health."""

    def probe() -> bool | None:
        found = row(cluster.app("web"), name).health
        return (found is not None and found.status == status) or None

    wait_for(f"{name} {status}", probe)
