"""The numbers an agent tells about itself, in the form Prometheus reads.

Read when they are asked for, so that counting costs nothing in between. `FAMILIES` is the whole list; docs/metrics.md
is written from it (`python -m gitsync.telemetry docs/metrics.md`).
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from operator_core.jsonvalues import Object, dig
from operator_core.runtime.tallies import BUCKETS, Tally


@dataclass(frozen=True, slots=True)
class Family:
    """One metric."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


REQUESTS = Family("gitsync_kubernetes_requests", "counter", (), "Requests sent to the API server, watches included.")
ANSWERS = Family(
    "gitsync_kubernetes_request_seconds",
    "histogram",
    ("method", "code"),
    "Time until the API server answered; code none: it did not.",
)
FLINK = Family(
    "gitsync_flink_request_seconds",
    "histogram",
    ("method", "result"),
    "Time until Flink's REST interface answered; result ok, refused or unreachable.",
)
PASSES = Family(
    "gitsync_pass_seconds",
    "histogram",
    ("loop", "outcome"),
    "Passes over one key and how long they took; outcome done, after, retry, stalled or error.",
)
RENDERS = Family("gitsync_renders", "counter", (), "Sources of apps that were read because an input changed.")
DEPTH = Family("gitsync_queue_depth", "gauge", ("queue",), "Keys that wait for a pass.")
LAG = Family("gitsync_queue_lag_seconds", "gauge", ("queue",), "By how much the most overdue key is late.")
DELIVERIES = Family("gitsync_deliveries_waiting", "gauge", ("lane",), "What waits to be told to forges and chats.")
DEPLOYMENTS = Family(
    "gitsync_flink_deployments",
    "gauge",
    ("namespace", "lifecycle", "job"),
    "FlinkDeployments by lifecycle state and state of their job.",
)
SESSION_JOBS = Family(
    "gitsync_flink_session_jobs",
    "gauge",
    ("namespace", "lifecycle", "job"),
    "FlinkSessionJobs by lifecycle state and state of their job.",
)
APPS = Family("gitsync_apps", "gauge", ("sync", "health", "ready"), "SyncApps by sync, health and readiness.")
TRANSITIONS = Family(
    "gitsync_lifecycle_transition_seconds",
    "histogram",
    ("kind", "from", "to"),
    "How long resources were in a lifecycle state before the next one, as far as this process saw it.",
)
FAMILIES = (
    APPS,
    DEPLOYMENTS,
    SESSION_JOBS,
    TRANSITIONS,
    PASSES,
    RENDERS,
    DEPTH,
    LAG,
    DELIVERIES,
    REQUESTS,
    ANSWERS,
    FLINK,
)


class Waiting(Protocol):
    """Keys that wait for a pass."""

    def depth(self) -> int:
        """How many."""
        ...

    def lag(self) -> float:
        """Seconds by which the most overdue is late."""
        ...


class Counting(Protocol):
    """Something that counts its requests."""

    @property
    def requests_sent(self) -> int:
        """How many so far."""
        ...

    @property
    def answers(self) -> Tally:
        """What came back, by method and code."""
        ...


def _nothing() -> Iterable[Object]:
    return ()


def _none() -> int:
    return 0


def _no_depths() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers are. Resources are read from caches."""

    client: Counting
    queues: Mapping[str, Waiting]
    passes: tuple[Tally, ...] = ()
    flink: tuple[Tally, ...] = ()
    transitions: tuple[Tally, ...] = ()
    deployments: Callable[[], Iterable[Object]] = _nothing
    session_jobs: Callable[[], Iterable[Object]] = _nothing
    apps: Callable[[], Iterable[Object]] = _nothing
    deliveries: Callable[[], Mapping[str, int]] = _no_depths
    renders: Callable[[], int] = _none


class AgentCollector(Collector):
    """All of `FAMILIES`, as they are now."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        sources = self._sources
        yield _gauge(APPS, Counter(map(_app_states, sources.apps())))
        yield _gauge(DEPLOYMENTS, Counter(map(_job_states, sources.deployments())))
        yield _gauge(SESSION_JOBS, Counter(map(_job_states, sources.session_jobs())))
        yield _histogram(TRANSITIONS, sources.transitions)
        yield _histogram(PASSES, sources.passes)
        yield _counter(RENDERS, sources.renders())
        yield _gauge(DEPTH, {(name,): queue.depth() for name, queue in sources.queues.items()})
        yield _gauge(LAG, {(name,): queue.lag() for name, queue in sources.queues.items()})
        yield _gauge(DELIVERIES, {(lane,): depth for lane, depth in sources.deliveries().items()})
        yield _counter(REQUESTS, sources.client.requests_sent)
        yield _histogram(ANSWERS, (sources.client.answers,))
        yield _histogram(FLINK, sources.flink)


def _job_states(obj: Object) -> tuple[str, ...]:
    namespace = str(dig(obj, "metadata", "namespace", default=""))
    lifecycle = str(dig(obj, "status", "lifecycleState", default="") or "CREATED")
    return (namespace, lifecycle, str(dig(obj, "status", "jobStatus", "state", default="") or "NONE"))


def _app_states(obj: Object) -> tuple[str, ...]:
    conditions = dig(obj, "status", "conditions", default=[]) or []
    ready = next((str(one.get("status")) for one in conditions if one.get("type") == "Ready"), "Unknown")
    sync, health = (str(dig(obj, "status", part, "status", default="") or "Unknown") for part in ("sync", "health"))
    return (sync, health, ready)


def _gauge(family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in sorted(values.items()):
        metric.add_metric(labels, value)
    return metric


def _counter(family: Family, value: int) -> Metric:
    metric = CounterMetricFamily(family.name, family.help)
    metric.add_metric([], value)
    return metric


def _histogram(family: Family, tallies: Iterable[Tally]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for tally in tallies:
        for labels, series in sorted(tally.read().items()):
            bounds = [str(bound) for bound in BUCKETS]
            buckets = [*zip(bounds, accumulate(series.below), strict=True), ("+Inf", series.count)]
            metric.add_metric(labels, buckets, series.seconds)
    return metric


def registry(sources: Sources) -> CollectorRegistry:
    """A registry of its own for one agent."""
    found = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=found)
    found.register(AgentCollector(sources))
    return found


def page() -> str:
    """The documentation of all metrics."""
    rows = "".join(
        f"| `{one.name}{'_total' if one.kind == 'counter' else ''}` | {one.kind} "
        f"| {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |\n"
        for one in FAMILIES
    )
    return (
        "# Metrics\n\n"
        "Served as `/metrics` on the port of `probePort` or `webhook.port`, in Prometheus' text form, beside the usual"
        " ones of a\nPython process (`process_*`, `python_*`). Written from `gitsync/telemetry.py` by `make docs`.\n\n"
        f"| name | type | labels | what |\n|---|---|---|---|\n{rows}\n"
        "The log tells at `INFO` what is decided, one line each: every phase of a commit (`app NAMESPACE/NAME: commit"
        " 806adf3 is\napplied: …`) and every [event](events.md) of a job; an idle agent is silent."
        " Failures are `WARNING`.\n\n"
        "With `logJson` every line of the log is one JSON object: `time level logger message`, and within a pass"
        " `resource`\n(kind, namespace and name) and `pass_id`, which is the same for all lines of one pass.\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
