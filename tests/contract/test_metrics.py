"""The metrics of a real sync half beneath a real API server."""

from prometheus_client import generate_latest
from syncing import ONE, Cluster, Repository, Start, wait_for

from gitsync import telemetry


def test_a_sync_is_in_the_numbers(cluster: Cluster, repository: Repository, start: Start) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE})
    half = start().half
    cluster.wait_synced(first)
    sources = telemetry.Sources(
        half.client,
        {name: loop.queue for name, loop in half.loops.items()},
        passes=tuple(loop.passes for loop in half.loops.values()),
        apps=half.apps,
        deliveries=lambda: half.reporting.depths,
    )

    def read() -> dict[str, str]:
        lines = generate_latest(telemetry.registry(sources)).decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")

    done = 'gitsync_pass_seconds_count{loop="sync",outcome="done"}'
    wait_for("the pass that synced to end", lambda: float(read()[done]) >= 1 or None)
    wait_for("the queues to be empty", lambda: read()['gitsync_queue_depth{queue="sync"}'] == "0.0" or None)
    found = read()
    assert found['gitsync_apps{health="Healthy",ready="True",sync="Synced"}'] == "1.0"
    assert 'gitsync_pass_seconds_count{loop="sync",outcome="error"}' in found
    assert float(found['gitsync_kubernetes_request_seconds_count{code="201",method="PATCH"}']) >= 1
    assert float(found["process_resident_memory_bytes"]) > 0
