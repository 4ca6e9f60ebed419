"""A proxy on loopback that tunnels to where it is asked, and remembers what it was asked."""

import base64
import contextlib
import socket
import socketserver
import threading


class Proxy(socketserver.ThreadingTCPServer):
    """CONNECT for `user:password`, and SOCKS5 for `user:p@ss`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def socks_url(self) -> str:
        return f"socks5://user:p%40ss@127.0.0.1:{self.server_address[1]}"

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
        first = self.rfile.read(1)
        if first == b"\x05":
            self._socks()
            return
        verb, place = (first + self.rfile.readline()).decode().split()[:2]
        headers = []
        while (line := self.rfile.readline().strip()) != b"":
            headers.append(line.decode())
        wanted = "Proxy-Authorization: Basic " + base64.b64encode(b"user:password").decode()
        if verb != "CONNECT" or wanted not in headers:
            refusal = ["HTTP/1.1 407 Authenticate", 'Proxy-Authenticate: Basic realm="p"', "Content-Length: 0"]
            self.wfile.write("\r\n".join([*refusal, "Connection: close", "", ""]).encode())
            return
        self._relay(place, b"HTTP/1.1 200 Connected\r\n\r\n", b"HTTP/1.1 502 Nobody\r\n\r\n")

    def _socks(self) -> None:
        """RFC 1928 and 1929, names only."""
        assert 2 in self.rfile.read(self.rfile.read(1)[0])
        self.wfile.write(b"\x05\x02")
        self.rfile.read(1)
        given = [self.rfile.read(self.rfile.read(1)[0]) for _ in range(2)]
        if given != [b"user", b"p@ss"]:
            self.wfile.write(b"\x01\x01")
            return
        self.wfile.write(b"\x01\x00")
        assert self.rfile.read(4) == b"\x05\x01\x00\x03"
        host = self.rfile.read(self.rfile.read(1)[0]).decode()
        port = int.from_bytes(self.rfile.read(2), "big")
        end = b"\x00\x01" + bytes(6)
        self._relay(f"{host}:{port}", b"\x05\x00" + end, b"\x05\x05" + end)

    def _relay(self, place: str, opened: bytes, refused: bytes) -> None:
        self.server.asked.append(place)
        host, _, port = place.rpartition(":")
        try:
            connected = socket.create_connection((host, int(port)), timeout=10)
        except OSError:
            self.wfile.write(refused)
            return
        with connected as there:
            self.wfile.write(opened)
            back = threading.Thread(target=_pump, args=(there, self.connection))
            back.start()
            _pump(self.connection, there)
            back.join(10)


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            to.sendall(chunk)
        to.shutdown(socket.SHUT_WR)
