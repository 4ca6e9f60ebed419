"""A proxy on loopback that tunnels to where it is asked, and remembers what it was asked."""

import base64
import contextlib
import socket
import socketserver
import threading


class Proxy(socketserver.ThreadingTCPServer):
    """CONNECT only, for `user:password`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://user:password@127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        verb, place = self.rfile.readline().decode().split()[:2]
        headers = []
        while (line := self.rfile.readline().strip()) != b"":
            headers.append(line.decode())
        wanted = "Proxy-Authorization: Basic " + base64.b64encode(b"user:password").decode()
        if verb != "CONNECT" or wanted not in headers:
            refusal = ["HTTP/1.1 407 Authenticate", 'Proxy-Authenticate: Basic realm="p"', "Content-Length: 0"]
            self.wfile.write("\r\n".join([*refusal, "Connection: close", "", ""]).encode())
            return
        self.server.asked.append(place)
        host, _, port = place.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as there:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(there, self.connection))
            back.start()
            _pump(self.connection, there)
            back.join(10)


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            to.sendall(chunk)
        to.shutdown(socket.SHUT_WR)
