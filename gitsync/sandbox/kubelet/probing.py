"""Asks containers how they are: by HTTP, TCP or a command inside them.

Shell: one thread per probe and container run. It tells verdicts through a callback and stops with the run. The startup
probe holds the others back. Redirects count as success and TLS is not verified, as with the kubelet.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from gitsync.sandbox.containers.processes import Process
from gitsync.sandbox.kubelet import probes
from gitsync.sandbox.kubelet.podstates import ProbeKind, Running
from gitsync.sandbox.kubelet.probes import FIELDS, Row
from operator_core.jsonvalues import Object

BODY_LIMIT = 10 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One container run to ask."""

    container: Object
    address: str
    process: Process


@dataclass(slots=True)
class Told:
    """`verdict(kind, healthy)` on a change of mind, `failed(kind, message)` on every failing answer."""

    verdict: Callable[[ProbeKind, bool], None]
    failed: Callable[[ProbeKind, str], None]
    stop: threading.Event = field(default_factory=threading.Event)


def begin(target: Target, told: Told, found: Running) -> None:
    """Start the probes of a container whose state they find so; they end when `told.stop` is set."""
    declared = [kind for kind in ProbeKind if target.container.get(FIELDS[kind])]
    started = threading.Event()
    if found.started:
        started.set()
        declared = [kind for kind in declared if kind is not ProbeKind.STARTUP]
    for kind in declared:
        name = f"{kind}-{target.container['name']}"
        threading.Thread(target=_run, args=(target, kind, (started, found.ready), told), name=name, daemon=True).start()


def _run(target: Target, kind: ProbeKind, before: tuple[threading.Event, bool], told: Told) -> None:
    started, ready = before
    probe = target.container[FIELDS[kind]]
    rules = probes.timing(probe)
    if told.stop.wait(rules.initial_delay):
        return
    if kind is not ProbeKind.STARTUP and not _await(started, told.stop):
        return
    row = Row(verdict=None if kind is not ProbeKind.READINESS else ready)
    while True:
        problem = ask(target, probe, rules.timeout)
        if told.stop.is_set():
            return
        if problem is not None:
            told.failed(kind, f"{kind.value.capitalize()} probe failed: {problem}")
        row, verdict = probes.counted(row, problem is None, rules)
        if verdict is not None:
            told.verdict(kind, verdict)
            if kind is ProbeKind.STARTUP and verdict:
                started.set()
                return
        if told.stop.wait(rules.period):
            return


def ask(target: Target, probe: Object, timeout: float) -> str | None:
    """None when healthy, else what is wrong."""
    try:
        match probe:
            case {"httpGet": get}:
                return _http(get, target, timeout)
            case {"tcpSocket": tcp}:
                address = str(tcp.get("host") or target.address)
                socket.create_connection((address, port_number(tcp["port"], target.container)), timeout).close()
                return None
            case {"exec": command}:
                return _command([str(word) for word in command["command"]], target.process, timeout)
            case _:
                return f"probes of kind {', '.join(probe)} are not supported by the sandbox"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(error) or type(error).__name__


def port_number(port: int | str, container: Object) -> int:
    """A port given by number or by the container's name for it."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or []:
        if declared.get("name") == port:
            return int(declared["containerPort"])
    return int(port)


def _await(started: threading.Event, stop: threading.Event) -> bool:
    while not started.wait(0.2):
        if stop.is_set():
            return False
    return not stop.is_set()


def _http(get: Object, target: Target, timeout: float) -> str | None:
    host = str(get.get("host") or target.address)
    port = port_number(get["port"], target.container)
    headers = {str(item["name"]): str(item["value"]) for item in get.get("httpHeaders") or []}
    connection: http.client.HTTPConnection
    if get.get("scheme") == "HTTPS":
        context = ssl._create_unverified_context()  # the kubelet does not verify either: pods serve what they like
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", str(get.get("path") or "/"), headers={"User-Agent": "kube-probe/1", **headers})
        answer = connection.getresponse()
        answer.read(BODY_LIMIT)
    finally:
        connection.close()
    return None if 200 <= answer.status < 400 else f"HTTP probe failed with statuscode: {answer.status}"


def _command(argv: list[str], process: Process, timeout: float) -> str | None:
    try:
        done = subprocess.run(
            process.entered(argv),
            env=process.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"command timed out after {timeout:g} s"
    if done.returncode == 0:
        return None
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    return said or f"command ended with exit code {done.returncode}"
