"""Sync and compare options that objects carry as annotations, on a real API server (F44)."""

from syncing import ONE, Cluster, Repository, Start, wait_for

from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS

JOB = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: ticks}
spec: {image: "flink:1.20", flinkVersion: v1_20, serviceAccount: flink}
"""


def annotated(text: str, **annotations: str) -> str:
    """A manifest of one line of metadata, with annotations; names with a dash for an underscore."""
    given = ", ".join(f'"{name}": "{value}"' for name, value in annotations.items())
    return text.replace("metadata: {", f"metadata: {{annotations: {{{given}}}, ", 1)


def test_a_job_that_asks_to_be_replaced_is_refused_and_nothing_else_is_replaced(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    asks = {"argocd.argoproj.io/sync-options": "Replace=true"}
    first = repository.commit("One", {"apps/one.yaml": annotated(ONE, **asks)})
    start()
    cluster.wait_synced(first)
    uid = (cluster.get(CONFIG_MAPS, "one") or {})["metadata"]["uid"]
    second = repository.commit("Another value", {"apps/one.yaml": annotated(ONE.replace('"1"', '"9"'), **asks)})
    cluster.wait_synced(second)
    live = cluster.get(CONFIG_MAPS, "one") or {}
    assert (live["data"]["a"], live["metadata"]["uid"]) == ("9", uid)

    for option in ("Replace=true", "Force=true"):
        job = annotated(JOB, **{"gitsync.io/sync-options": option})
        repository.commit(option, {"apps/job.yaml": job})
        message = wait_for(f"{option} refused", lambda option=option: refused(cluster, option))
        assert "apps/job.yaml:1" in message and "loses the state of jobs" in message
        assert cluster.get(FLINK_DEPLOYMENTS, "ticks") is None


def refused(cluster: Cluster, option: str) -> str | None:
    """The message of Ready once it names the option."""
    status, _, message = cluster.condition("Ready")
    return message if status == "False" and option in message else None
