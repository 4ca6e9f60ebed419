"""The metrics an agent serves: every one that is documented, and what they count."""

from pathlib import Path

from prometheus_client import generate_latest

from gitsync import telemetry
from gitsync.telemetry import Sources
from operator_core.jsonvalues import Object
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.queues import Key, Queue
from operator_core.runtime.tallies import Tally


class Client:
    requests_sent = 7

    def __init__(self) -> None:
        self.answers = Tally("method", "code")
        self.answers.add("GET", "200", seconds=0.01)


def job(name: str, lifecycle: str, state: str) -> Object:
    return {
        "metadata": {"namespace": "jobs", "name": name},
        "status": {"lifecycleState": lifecycle, "jobStatus": {"state": state}},
    }


def app(ready: str) -> Object:
    condition = {"type": "Ready", "status": ready}
    return {"status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "conditions": [condition]}}


def lines() -> list[str]:
    queue = Queue(SystemClock())
    queue.add(Key("SyncApp", "a", "b"))
    passes = Tally("loop", "outcome")
    passes.add("sync", "done", seconds=0.4)
    sources = Sources(
        Client(),
        {"sync": queue},
        passes=(passes,),
        deployments=lambda: [job("a", "STABLE", "RUNNING"), job("b", "STABLE", "RUNNING"), {"metadata": {}}],
        apps=lambda: [app("True"), app("True"), app("False"), {}],
        deliveries=lambda: {"notifications": 2},
        renders=lambda: 3,
    )
    return generate_latest(telemetry.registry(sources)).decode().splitlines()


def test_resources_are_counted_by_state() -> None:
    found = lines()
    assert 'gitsync_flink_deployments{job="RUNNING",lifecycle="STABLE",namespace="jobs"} 2.0' in found
    assert 'gitsync_flink_deployments{job="NONE",lifecycle="CREATED",namespace=""} 1.0' in found
    assert 'gitsync_apps{health="Healthy",ready="True",sync="Synced"} 2.0' in found
    assert 'gitsync_apps{health="Unknown",ready="Unknown",sync="Unknown"} 1.0' in found


def test_work_is_counted_and_timed() -> None:
    found = lines()
    assert "gitsync_kubernetes_requests_total 7.0" in found
    assert 'gitsync_kubernetes_request_seconds_bucket{code="200",le="0.02",method="GET"} 1.0' in found
    assert 'gitsync_pass_seconds_bucket{le="0.1",loop="sync",outcome="done"} 0.0' in found
    assert 'gitsync_pass_seconds_bucket{le="+Inf",loop="sync",outcome="done"} 1.0' in found
    assert 'gitsync_pass_seconds_sum{loop="sync",outcome="done"} 0.4' in found
    assert "gitsync_renders_total 3.0" in found
    assert 'gitsync_queue_depth{queue="sync"} 1.0' in found
    assert 'gitsync_deliveries_waiting{lane="notifications"} 2.0' in found


def test_every_metric_is_documented() -> None:
    told = {line.split()[2] for line in lines() if line.startswith("# TYPE gitsync_")}
    assert told == {one.name + ("_total" if one.kind == "counter" else "") for one in telemetry.FAMILIES}
    page = Path(__file__).parents[3] / "docs/metrics.md"
    assert page.read_text(encoding="utf-8") == telemetry.page(), "run `make docs`"
