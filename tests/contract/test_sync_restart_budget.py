"""How many jobs restart at once because of commits, over all apps, on a real API server (F48).

The operator is the test: it says which job is on its way and which one runs. The agent looks at one namespace: jobs
that other tests left on their way would take the place.
"""

import json

import flinkstatuses
from operating import manifest
from syncing import Cluster, Repository, Start, wait_for
from webapps import make_app, row, synced, told

from operator_core.jsonvalues import Object, dig
from operator_core.kube.requests import FLINK_DEPLOYMENTS

OLD, BAD, NEW = "flink:1.20", "flink:bad", "flink:1.20-scala_2.12"
LATE = "waits until fewer jobs are restarting"


class Jobs:
    """Three jobs of two apps: `a` of the root app, `b` and `c` of the app `web`."""

    def __init__(self, cluster: Cluster, repository: Repository) -> None:
        self._cluster, self._repository = cluster, repository

    def commit(self, image: str) -> str:
        """All of them with an image."""
        files: dict[str, str | None] = {}
        for name in "abc":
            body = manifest(self._cluster.namespace)
            body["metadata"]["name"] = name
            body["spec"]["image"] = image
            files[f"{'apps' if name == 'a' else 'web'}/{name}.json"] = json.dumps(body)
        return self._repository.commit(image, files)

    def images(self) -> dict[str, str]:
        """What the live specs say."""
        return {name: str(dig(self._live(name), "spec", "image")) for name in "abc"}

    def with_image(self, image: str) -> set[str]:
        """The jobs that have an image."""
        return {name for name, live in self.images().items() if live == image}

    def say(self, name: str, *, runs: bool) -> None:
        """Tell a job's state, as its operator would."""
        flinkstatuses.say(self._cluster, name, flinkstatuses.RUNS if runs else flinkstatuses.UPGRADES)

    def _live(self, name: str) -> Object:
        return self._cluster.get(FLINK_DEPLOYMENTS, name) or {}


def running(cluster: Cluster, repository: Repository, start: Start) -> Jobs:
    """Three jobs of two apps that run, under an agent that lets one restart at a time."""
    jobs = Jobs(cluster, repository)
    first = jobs.commit(OLD)
    start(restart_budget=1, role="sync", watch_namespaces=cluster.namespace)
    make_app(cluster, repository, policy={})
    wait_for("the jobs", lambda: jobs.with_image(OLD) == set("abc"))
    for name in "abc":
        jobs.say(name, runs=True)
    synced(cluster, first)
    cluster.wait_synced(first)
    return jobs


def test_jobs_of_one_commit_go_one_after_another(cluster: Cluster, repository: Repository, start: Start) -> None:
    jobs = running(cluster, repository, start)

    second = jobs.commit(NEW)
    order: list[str] = []
    for count in (1, 2, 3):
        wait_for(f"job {count}", lambda count=count: len(jobs.with_image(NEW)) >= count or None)  # type: ignore[misc]
        (name,) = jobs.with_image(NEW) - set(order)
        order.append(name)
        jobs.say(name, runs=False)
        late = set("abc") - set(order)
        for other in late:
            app = "root" if other == "a" else "web"
            message = wait_for(f"{other} waits", lambda app=app, other=other: _late(cluster, app, other))  # type: ignore[misc]
            assert message == LATE
        assert jobs.with_image(NEW) == set(order), "nothing else restarts meanwhile"
        jobs.say(name, runs=True)
    synced(cluster, second)
    cluster.wait_synced(second)


def _late(cluster: Cluster, app: str, name: str) -> str | None:
    """What an app says of a job that it has not written yet."""
    found = row(cluster.app(app), name)
    return found.message if found.status == "OutOfSync" and found.message == LATE else None


def test_a_rollout_stops_at_the_first_job_that_does_not_come_up(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    jobs = running(cluster, repository, start)
    jobs.commit(BAD)
    wait_for("the first job", lambda: jobs.with_image(BAD) or None)
    (broken,) = jobs.with_image(BAD)
    jobs.say(broken, runs=False)
    told(cluster, LATE)
    assert jobs.with_image(OLD) == set("abc") - {broken}
    # The commit that mends it reaches the broken job first: it has the place.
    mended = jobs.commit(NEW)
    wait_for("the repair", lambda: jobs.with_image(NEW) == {broken} or None)
    jobs.say(broken, runs=True)
    order = [broken]
    for _ in "ab":
        wait_for("the next", lambda: len(jobs.with_image(NEW)) > len(order) or None)
        (name,) = jobs.with_image(NEW) - set(order)
        jobs.say(name, runs=True)
        order.append(name)
    synced(cluster, mended)
