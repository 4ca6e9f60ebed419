"""A way to a real API server that can be cut: connections end, new ones are refused, until it is mended."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from operator_core.jsonvalues import Object


class Road:
    """Carries bytes between clients on loopback and the API server of a kubeconfig."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._config: Object = yaml.safe_load(kubeconfig.read_text())
        there = urlsplit(self._config["clusters"][0]["cluster"]["server"])
        assert there.hostname is not None and there.port is not None
        self._there = (there.hostname, there.port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self._port = int(self._listener.getsockname()[1])
        self._config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self._port}"
        self.kubeconfig = folder / "cuttable-kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(self._config))

    def cut(self) -> None:
        """From now on nothing gets through."""
        # A blocked accept() does not notice close(); shutdown() wakes it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends, self._open = self._open, set()
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again, at the same address."""
        self._listener = self._listen(self._port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(self._there)
                with self._lock:
                    self._open |= {here, there}
                for source, to in ((here, there), (there, here)):
                    threading.Thread(target=self._pump, args=(source, to), daemon=True).start()

    def _pump(self, source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                to.sendall(chunk)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)
        with self._lock:
            self._open.discard(source)
        source.close()


@contextlib.contextmanager
def road(kubeconfig: Path, folder: Path) -> Iterator[Road]:
    """A road that ends with the block."""
    made = Road(kubeconfig, folder)
    try:
        yield made
    finally:
        made.cut()
