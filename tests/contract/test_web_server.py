"""The web server on a real socket: probes, metrics and the receiver of push notifications."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from gitsync.web import app, server, signatures
from operator_core.errors import Reason, Stalled

SECRET = b"a long random text"


class Agent:
    """What the pages ask, and what the receiver told."""

    def __init__(self) -> None:
        self.wrong = ""
        self.secret = SECRET
        self.pushed: list[tuple[str, str]] = []
        self.registry = CollectorRegistry()
        Gauge("apps", "Apps.", registry=self.registry).set(3)
        receiver = app.Receiver(lambda: self.secret, lambda push: self.pushed.append((push.urls[0], push.ref)))
        self.hooks = app.WebHooks(lambda: self.wrong, lambda: self.wrong, self.registry, receiver)


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def client(agent: Agent) -> Iterator[httpx.Client]:
    running = server.Server(app.make_app(agent.hooks), 0, host="127.0.0.1")
    running.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        running.stop(10)


def push(client: httpx.Client, body: bytes, signature: str | None = None) -> httpx.Response:
    header = signatures.sign(body, SECRET) if signature is None else signature
    return client.post("/hooks/generic", content=body, headers={"X-Signature": header} if header else {})


def body_of(repository: object = "https://example.org/a.git", ref: object = "refs/heads/main") -> bytes:
    return json.dumps({"repository": repository, "ref": ref, "more": 1}).encode()


def test_probes_say_what_is_wrong(client: httpx.Client, agent: Agent) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").text) == (200, "ok")
    agent.wrong = "the API server was not listed yet"
    for path in ("/healthz", "/readyz"):
        assert (client.get(path).status_code, client.get(path).text) == (503, "the API server was not listed yet")


def test_metrics_are_the_registry_s(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert "apps 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_a_signed_push_is_told(client: httpx.Client, agent: Agent) -> None:
    answer = push(client, body_of())
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    assert agent.pushed == [("https://example.org/a.git", "refs/heads/main")]


def test_a_forge_is_heard_once_per_delivery(client: httpx.Client, agent: Agent) -> None:
    repository = {"clone_url": "https://github.com/team/jobs.git"}
    body = json.dumps({"ref": "refs/heads/main", "repository": repository}).encode()
    headers = {
        "X-Hub-Signature-256": signatures.sign(body, SECRET),
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e",
    }
    for _ in range(2):
        assert client.post("/hooks/github", content=body, headers=headers).status_code == 202
    assert agent.pushed == [("https://github.com/team/jobs.git", "refs/heads/main")]
    refused = client.post("/hooks/github", content=body + b" ", headers=headers)
    assert (refused.status_code, "does not sign the body" in refused.json()["error"]) == (401, True)
    assert client.post("/hooks/gitlab", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=00", "sha1=00", signatures.sign(b"other", SECRET), "é"])
def test_a_push_without_the_right_signature_is_refused_unread(
    client: httpx.Client, agent: Agent, signature: str
) -> None:
    headers = [(b"x-signature", signature.encode("latin-1"))]
    answer = client.post("/hooks/generic", content=b"{not json", headers=headers)
    assert answer.status_code == 401
    assert "X-Signature must be sha256=" in answer.json()["error"]
    assert agent.pushed == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{not json", "Invalid JSON"),
        (b"[]", "body: "),
        (b'{"ref": "x"}', "repository: Field required"),
        (body_of(repository=1), "repository: Input should be a valid string"),
        (body_of(repository="x" * 3000), "repository: String should have at most 2048"),
        (body_of(ref=None), "ref: Input should be a valid string"),
    ],
)
def test_a_signed_body_that_is_no_push_is_named(client: httpx.Client, agent: Agent, body: bytes, problem: str) -> None:
    answer = push(client, body)
    assert answer.status_code == 400
    assert problem in answer.json()["error"]
    assert agent.pushed == []


def test_large_bodies_are_cut_off(client: httpx.Client, agent: Agent) -> None:
    large = b" " * (app.LARGEST_BODY + 1)
    assert push(client, large).status_code == 413

    def in_parts() -> Iterator[bytes]:
        for _ in range(app.LARGEST_BODY // 65536 + 2):
            yield b" " * 65536

    answer = client.post("/hooks/generic", content=in_parts(), headers={"X-Signature": signatures.sign(large, SECRET)})
    assert answer.status_code == 413
    assert agent.pushed == []


def test_a_slow_body_is_given_up(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_TIMEOUT", 0.2)
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=20) as connection:
        connection.sendall(b"POST /hooks/generic HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_an_exchanged_secret_counts_at_once(client: httpx.Client, agent: Agent) -> None:
    agent.secret = b"another long text"
    assert push(client, body_of()).status_code == 401
    assert push(client, body_of(), signatures.sign(body_of(), b"another long text")).status_code == 202


def test_only_what_is_served_is_served(client: httpx.Client, agent: Agent) -> None:
    assert client.get("/hooks/generic").status_code == 405
    assert client.get("/").status_code == 404
    without = app.WebHooks(lambda: "", lambda: "", agent.registry)
    assert [route.path for route in app.make_app(without).routes] == ["/healthz", "/readyz", "/metrics"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"short"])
def test_no_receiver_without_a_secret(agent: Agent, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    receiver = app.Receiver(lambda: signatures.read_secret(file), lambda push: None)
    hooks = app.WebHooks(agent.hooks.live, agent.hooks.ready, agent.registry, receiver)
    with pytest.raises(Stalled, match="the webhook receiver does not start") as caught:
        app.make_app(hooks)
    assert caught.value.reason is Reason.WebhookSecretMissing
    with pytest.raises(Stalled, match="no secret is configured"):
        signatures.read_secret(None)


def test_a_port_in_use_is_an_error_of_the_start(agent: Agent) -> None:
    first = server.Server(app.make_app(agent.hooks), 0, host="127.0.0.1")
    with pytest.raises(Stalled, match=f"cannot listen on port {first.port}: Address already in use") as caught:
        server.Server(app.make_app(agent.hooks), first.port, host="127.0.0.1")
    assert caught.value.reason is Reason.PortUnavailable
    first.stop(1)


@pytest.mark.parametrize("ref", ["refs/heads/gitsync/status/demo", "refs/notes/gitsync/demo"])
def test_what_agents_push_themselves_wakes_nobody(client: httpx.Client, agent: Agent, ref: str) -> None:
    assert push(client, body_of(ref=ref)).status_code == 202
    assert agent.pushed == []
    assert push(client, body_of(ref="refs/heads/gitsync/status-page")).status_code == 202
    assert len(agent.pushed) == 1
