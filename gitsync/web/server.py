"""One thread that serves the application until it is told to stop.

The socket is bound before the thread starts, so that a port in use is an error of the start and not
a line in a log.
"""

import socket
import threading

import uvicorn
from starlette.applications import Starlette

from operator_core.errors import Reason, Stalled

_MOST_CONNECTIONS = 128


class Server:
    """Serves on all addresses of the machine or on `host`; port 0 takes a free one."""

    def __init__(self, app: Starlette, port: int, *, host: str = "") -> None:
        """Raises Stalled(PortUnavailable) when the port cannot be had."""
        self._socket = _bound(host, port)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            http="h11",
            ws="none",
            loop="asyncio",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End, giving open requests a moment."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _bound(host: str, port: int) -> socket.socket:
    try:
        if host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family)
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        why = error.strerror or str(error)
        raise Stalled(Reason.PortUnavailable, f"cannot listen on port {port}: {why}; choose another port") from error
