"""A container's log as `kubectl logs` asks for it.

Shell around one file: from where on, how much, with or without the times, and on and on while the container writes.
Parameters are the API server's (follow, tailLines, limitBytes, sinceSeconds, sinceTime, timestamps).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from gitsync.sandbox.kubelet.logtimes import Times

POLL_S = 0.1
CHUNK = 1 << 16
NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LogFile:
    """A run's log; `is_growing` tells whether more may come."""

    path: Path
    is_growing: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since` in nanoseconds since the epoch; None: no limit."""

    follow: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit: int | None = None
    since: int | None = None


def wanted(query: Mapping[str, str], now: datetime) -> Wanted:
    """What a request's parameters mean. Raises ValueError."""

    def number(name: str) -> int | None:
        return int(query[name]) if query.get(name) else None

    seconds, moment = number("sinceSeconds"), query.get("sinceTime")
    since = now - timedelta(seconds=seconds) if seconds is not None else None
    since = datetime.fromisoformat(moment) if moment else since
    return Wanted(
        follow=query.get("follow") == "true",
        timestamps=query.get("timestamps") == "true",
        tail_lines=number("tailLines"),
        limit=number("limitBytes"),
        since=None if since is None else int(since.timestamp()) * NANOS + since.microsecond * 1000,
    )


def pieces(found: LogFile, wanted: Wanted) -> Iterator[bytes]:
    """The log's content as asked for, in chunks; with `follow` until the run has ended and all of it was given."""
    left = wanted.limit
    with found.path.open("rb") as stream:
        stream.seek(_first(found.path, wanted))
        chunks = _chunks(stream, found, wanted.follow)
        for piece in _stamped(chunks, stream.tell(), Times(found.path)) if wanted.timestamps else chunks:
            if left is None:
                yield piece
                continue
            if piece[:left]:
                yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def _first(log: Path, wanted: Wanted) -> int:
    starts = [0]
    if wanted.tail_lines is not None:
        starts.append(tail_offset(log, wanted.tail_lines))
    if wanted.since is not None:
        starts.append(Times(log).offset_since(wanted.since))
    return max(starts)


def _chunks(stream: BinaryIO, found: LogFile, follow: bool) -> Iterator[bytes]:
    while True:
        growing = follow and found.is_growing()
        piece = stream.read(CHUNK)
        if piece:
            yield piece
        elif not growing:
            return
        else:
            time.sleep(POLL_S)


def _stamped(chunks: Iterator[bytes], offset: int, times: Times) -> Iterator[bytes]:
    """Whole lines, each behind the time it was written."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        stamped = []
        for line in lines:
            offset += len(line) + 1
            stamped.append(_stamp(times.of(offset)) + line + b"\n")
        if stamped:
            yield b"".join(stamped)
    if rest:
        yield _stamp(times.of(offset + len(rest))) + rest


def _stamp(moment: int) -> bytes:
    seconds, nanos = divmod(moment, NANOS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z ".encode()


def tail_offset(file: Path, lines: int) -> int:
    """Where the last `lines` lines begin."""
    size = file.stat().st_size
    if lines <= 0:
        return size
    with file.open("rb") as stream:
        position, found = size, 0
        while position > 0:
            step = min(CHUNK, position)
            position -= step
            stream.seek(position)
            block = stream.read(step)
            # A newline at the very end closes the last line instead of beginning another.
            end = len(block) - 1 if position + step == size and block.endswith(b"\n") else len(block)
            while (end := block.rfind(b"\n", 0, end)) >= 0:
                found += 1
                if found == lines:
                    return position + end + 1
    return 0
