"""The numbers an agent tells about itself, in the form Prometheus reads.

Read when they are asked for, so that counting costs nothing in between.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gitsync.render import layouts


class Waiting(Protocol):
    """Something with keys that wait for a pass."""

    @property
    def depth(self) -> int:
        """How many."""
        ...


class Counting(Protocol):
    """Something that counts its requests."""

    @property
    def requests_sent(self) -> int:
        """How many so far."""
        ...


class AgentCollector(Collector):
    """Requests to the API server and keys that wait."""

    def __init__(self, client: Counting, queues: Mapping[str, Waiting]) -> None:
        self._client = client
        self._queues = queues

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        sent = CounterMetricFamily("gitsync_kubernetes_requests", "Requests sent to the API server, watches included.")
        sent.add_metric([], self._client.requests_sent)
        yield sent
        rendered = CounterMetricFamily("gitsync_renders", "Sources of apps that were read because an input changed.")
        rendered.add_metric([], layouts.RENDERS.count)
        yield rendered
        depth = GaugeMetricFamily("gitsync_queue_depth", "Keys that wait for a pass.", labels=["queue"])
        for name, queue in self._queues.items():
            depth.add_metric([name], queue.depth)
        yield depth


def registry(client: Counting, queues: Mapping[str, Waiting]) -> CollectorRegistry:
    """A registry of its own for one agent."""
    found = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=found)
    found.register(AgentCollector(client, queues))
    return found
