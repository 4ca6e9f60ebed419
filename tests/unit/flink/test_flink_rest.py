"""Sending Flink requests: errors by consequence, a breaker per cluster, both ways there."""

from datetime import UTC, datetime

import httpx
import pytest

from operator_core.flink import errors, requests
from operator_core.flink.rest import Address, DirectTransport, ProxyTransport, Rest
from operator_core.kube import errors as kube_errors

ADDRESS = Address("ns", "app")


class SteppedClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def _direct(handler) -> DirectTransport:
    return DirectTransport(transport=httpx.MockTransport(handler))


def test_direct_requests_go_to_the_services_dns_name() -> None:
    """Service name, namespace and port."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url}")
        return httpx.Response(200, json={"jobs": []})

    assert _direct(answer).send(ADDRESS, requests.overview()) == {"jobs": []}
    _direct(answer).send(ADDRESS, requests.cancel("j"))
    assert seen == ["GET http://app-rest.ns:8081/jobs/overview", "PATCH http://app-rest.ns:8081/jobs/j?mode=cancel"]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, errors.JobNotFound), (409, errors.AlreadyEnded), (500, errors.FlinkError)]
)
def test_answers_that_are_not_success_keep_flinks_first_line(status: int, kind: type[errors.FlinkError]) -> None:
    """A stack trace is cut to its head."""
    body = {"errors": ["org.apache.flink.X: There is no such job.\n\tat a.b.C(C.java:1)"]}
    with pytest.raises(kind, match=r"^org\.apache\.flink\.X: There is no such job\.$"):
        _direct(lambda _: httpx.Response(status, json=body)).send(ADDRESS, requests.overview())


class Silent:
    """Nobody answers until `answers` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.answers = False

    def send(self, address, request):
        self.calls += 1
        if not self.answers:
            raise errors.FlinkUnreachable("connection refused")
        return {}


def test_the_breaker_stops_asking_and_tries_again_later() -> None:
    """Three misses open it for a second, then longer; one answer closes it."""
    transport, clock = Silent(), SteppedClock()
    rest = Rest(transport, clock)
    for lasting in (False, False, True):
        with pytest.raises(errors.FlinkUnreachable) as missed:
            rest.send(ADDRESS, requests.overview())
        assert missed.value.lasting is lasting
    with pytest.raises(errors.FlinkUnreachable, match="did not answer 3 times"):
        rest.send(ADDRESS, requests.overview())
    assert (transport.calls, rest.suspicious("ns", "app")) == (3, True)
    clock.seconds += 1.5
    transport.answers = True
    rest.send(ADDRESS, requests.overview())
    assert not rest.suspicious("ns", "app")
    assert not rest.suspicious("ns", "other")


class FakeApi:
    """Raises or answers what it is told."""

    def __init__(self, outcome) -> None:
        self.outcome = outcome
        self.paths: list[str] = []

    def send_bytes(self, request, timeout):
        self.paths.append(request.path)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_the_proxy_is_a_path_of_the_api_server() -> None:
    """Through the service's name and port."""
    api = FakeApi(b'{"jobs": []}')
    assert ProxyTransport(api).send(ADDRESS, requests.overview()) == {"jobs": []}
    assert api.paths == ["/api/v1/namespaces/ns/services/app-rest:8081/proxy/jobs/overview"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kube_errors.NotFound(404, 'services "app-rest" not found'), errors.FlinkUnreachable),
        (kube_errors.ServerError(503, "no endpoints available for service"), errors.FlinkUnreachable),
        (kube_errors.Unreachable("connection refused"), errors.FlinkUnreachable),
        (kube_errors.NotFound(404, "the API server answered 404"), errors.JobNotFound),
        (kube_errors.Conflict(409, "the API server answered 409"), errors.AlreadyEnded),
    ],
)
def test_the_proxys_own_errors_are_not_flinks(error: Exception, kind: type[Exception]) -> None:
    """A missing Service is no missing job."""
    with pytest.raises(kind):
        ProxyTransport(FakeApi(error)).send(ADDRESS, requests.overview())
