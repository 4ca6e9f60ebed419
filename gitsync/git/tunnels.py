"""A way through a proxy: `tunnels.py HOST PORT` is the program that ssh speaks through (ssh_config(5), `ProxyCommand`).

The proxy's URL is in the environment and never an argument. ssh still checks the host's key, so a proxy can refuse or
cut what passes and read none of it. Runs by itself, without a package of this machine: it imports only what comes with
Python. Rules: RFC 9110 section 9.3.6 (CONNECT), RFC 1928 and RFC 1929 (SOCKS5).
"""

import base64
import contextlib
import ipaddress
import os
import socket
import sys
import threading
from urllib.parse import SplitResult, unquote, urlsplit

PROXY = "GITSYNC_SSH_PROXY"
"""The variable that holds the proxy's URL, with user and password where it wants them."""
SCHEMES = {"http": 3128, "socks5": 1080, "socks5h": 1080}
"""What is spoken, with the port where the URL names none."""
_SECONDS = 15.0
_LONGEST_HEAD = 65536
_REFUSALS = {2: "its rules forbid it", 3: "no such network", 4: "no such host", 5: "the connection was refused"}


class Refused(Exception):
    """What the proxy says instead of opening the way."""


def through_http(there: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask an HTTP proxy for a tunnel. Raises Refused."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username:
        given = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(given.encode()).decode()}")
    there.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    # Byte by byte: what follows the head is ssh's.
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(there, 1)
        if len(head) > _LONGEST_HEAD:
            raise Refused("its answer has no end")
    status = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 1)
    if len(status) != 2 or not status[1].startswith("2"):
        raise Refused(f"it answered {' '.join(status[1:])[:80] or 'no HTTP'}")


def through_socks(there: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask a SOCKS5 proxy for a connection; it resolves the name. Raises Refused."""
    user, password = (unquote(part or "").encode() for part in (proxy.username, proxy.password))
    there.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    version, method = _exactly(there, 2)
    if version != 5 or method not in ((0, 2) if user else (0,)):
        raise Refused("it wants a user and a password" if method == 2 else "it does not speak SOCKS5 with us")
    if method == 2:
        there.sendall(b"\x01" + _counted(user) + _counted(password))
        if _exactly(there, 2)[1]:
            raise Refused("it refused the user and the password")
    there.sendall(b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"))
    _, code, _, kind = _exactly(there, 4)
    if code:
        raise Refused(_REFUSALS.get(code, f"its code is {code}"))
    length = _exactly(there, 1)[0] if kind == 3 else {1: 4, 4: 16}.get(kind, 0)
    _exactly(there, length + 2)


def _address(host: str) -> bytes:
    try:
        packed = ipaddress.ip_address(host).packed
    except ValueError:
        return b"\x03" + _counted(host.encode("idna"))
    return (b"\x01" if len(packed) == 4 else b"\x04") + packed


def _counted(text: bytes) -> bytes:
    if len(text) > 255:
        raise Refused("a name or password is longer than 255 bytes")
    return bytes([len(text)]) + text


def _exactly(there: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = there.recv(count - len(found))
        if not more:
            raise Refused("it closed the connection")
        found += more
    return found


def _send(there: socket.socket) -> None:
    """What ssh says."""
    with contextlib.suppress(OSError):
        while chunk := os.read(0, 65536):
            there.sendall(chunk)
        there.shutdown(socket.SHUT_WR)


def _receive(there: socket.socket) -> None:
    """What the host says, until it ends."""
    while chunk := there.recv(65536):
        while chunk:
            chunk = chunk[os.write(1, chunk) :]


def main(host: str, port: str) -> int:
    """Speak for ssh until the host ends it; the reason of a failure is on standard error."""
    proxy = urlsplit(os.environ[PROXY])
    name, number = proxy.hostname or "", proxy.port or SCHEMES[proxy.scheme]
    ask = through_http if proxy.scheme == "http" else through_socks
    try:
        with socket.create_connection((name, number), timeout=_SECONDS) as there:
            ask(there, proxy, host, int(port))
            there.settimeout(None)
            threading.Thread(target=_send, args=(there,), daemon=True).start()
            _receive(there)
    except (OSError, Refused) as error:
        print(f"fatal: no way through the proxy {name}:{number} to {host}:{port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
