"""DNS questions and answers as bytes (RFC 1035), as much as a cluster's names need.

Pure. One question per message, answers of kinds A, CNAME and SRV; anything malformed is a ValueError.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

A, CNAME, AAAA, SRV = 1, 5, 28, 33
NO_ERROR, SERVER_FAILURE, NAME_ERROR = 0, 2, 3
TTL_S = 2
HEADER = struct.Struct("!6H")


@dataclass(frozen=True, slots=True)
class Question:
    id: int
    flags: int
    name: str
    kind: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """`data`: an IPv4 address (A), a name (CNAME), or `priority weight port target` (SRV)."""

    name: str
    kind: int
    data: str


def parse(message: bytes) -> Question:
    """The question of a query. Raises ValueError."""
    if len(message) < HEADER.size:
        raise ValueError("a DNS message has at least 12 bytes")
    ident, flags, questions = HEADER.unpack_from(message)[:3]
    if questions != 1 or flags & 0x8000:
        raise ValueError("not a query of one question")
    labels, position = [], HEADER.size
    while True:
        length = _byte(message, position)
        if length > 63:
            raise ValueError("compressed names do not occur in questions")
        position += 1
        if length == 0:
            break
        labels.append(message[position : position + length].decode("ascii", "replace"))
        position += length
    if len(message) < position + 4:
        raise ValueError("the question is cut off")
    (kind,) = struct.unpack_from("!H", message, position)
    return Question(ident, flags, ".".join(labels).lower(), kind, message[HEADER.size : position + 4])


def answer(question: Question, code: int, records: tuple[Record, ...] = (), *, limit: int = 512) -> bytes:
    """The reply; cut to `limit` bytes with the truncation flag when it is longer."""
    body = [_record(record) for record in records]
    size, fitting = HEADER.size + len(question.raw), 0
    for piece in body:
        if size + len(piece) > limit:
            break
        size += len(piece)
        fitting += 1
    truncated = 0x0200 if fitting < len(body) else 0
    flags = 0x8480 | truncated | (question.flags & 0x0100) | code
    header = HEADER.pack(question.id, flags, 1, fitting, 0, 0)
    return header + question.raw + b"".join(body[:fitting])


def encoded(name: str) -> bytes:
    """A name as length-prefixed labels."""
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".") if label) + b"\0"


def _record(record: Record) -> bytes:
    if record.kind == A:
        data = socket.inet_aton(record.data)
    elif record.kind == SRV:
        priority, weight, port, target = record.data.split()
        data = struct.pack("!3H", int(priority), int(weight), int(port)) + encoded(target)
    else:
        data = encoded(record.data)
    return encoded(record.name) + struct.pack("!HHIH", record.kind, 1, TTL_S, len(data)) + data


def _byte(message: bytes, position: int) -> int:
    if position >= len(message):
        raise ValueError("the name is cut off")
    return message[position]
