"""WebSocket frames as bytes (RFC 6455), as much as `kubectl exec` needs: a server's side, binary messages.

Pure but for the reader that is handed in. A connection that breaks off is an EOFError.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
Read = Callable[[int], bytes]


def accept_key(key: str) -> str:
    """The answer to a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One complete, unmasked frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return head + payload


def message(read: Read) -> tuple[int, bytes]:
    """The next message (fragments joined) or control frame: its opcode and payload."""
    kind, whole = -1, b""
    while True:
        final, opcode, payload = _frame(read)
        if opcode >= CLOSE:
            return opcode, payload
        kind = opcode if opcode != CONTINUATION else kind
        whole += payload
        if final:
            return kind, whole


def _frame(read: Read) -> tuple[bool, int, bytes]:
    first, second = _exactly(read, 2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", _exactly(read, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", _exactly(read, 8))
    mask = _exactly(read, 4) if second & 0x80 else b""
    payload = _exactly(read, size)
    if mask:
        repeated = mask * (size // 4 + 1)
        payload = (int.from_bytes(payload) ^ int.from_bytes(repeated[:size])).to_bytes(size)
    return bool(first & 0x80), first & 0x0F, payload


def _exactly(read: Read, size: int) -> bytes:
    data = read(size) if size else b""
    if len(data) < size:
        raise EOFError("the WebSocket was closed in the middle of a frame")
    return data
