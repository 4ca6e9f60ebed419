"""WebSocket frames and the exit status of a command inside a container."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.sandbox.kubelet import execs, websockets


def masked(opcode: int, payload: bytes, *, final: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A frame as a client sends it."""
    size = len(payload)
    length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | opcode]) + length + mask + data


@given(st.binary(max_size=300))
def test_a_clients_message_is_unmasked(payload: bytes) -> None:
    stream = io.BytesIO(masked(websockets.BINARY, payload))
    assert websockets.message(stream.read) == (websockets.BINARY, payload)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_own_frames_of_every_size_are_read_back(size: int) -> None:
    stream = io.BytesIO(websockets.frame(websockets.BINARY, b"x" * size))
    assert websockets.message(stream.read) == (websockets.BINARY, b"x" * size)


def test_fragments_are_joined_and_control_frames_pass() -> None:
    stream = io.BytesIO(
        masked(websockets.PING, b"p")
        + masked(websockets.BINARY, b"a", final=False)
        + masked(websockets.CONTINUATION, b"b")
    )
    assert websockets.message(stream.read) == (websockets.PING, b"p")
    assert websockets.message(stream.read) == (websockets.BINARY, b"ab")


@given(st.integers(0, 12))
def test_a_connection_that_breaks_off_is_an_eof_error(kept: int) -> None:
    whole = masked(websockets.BINARY, b"1234567")
    with pytest.raises(EOFError):
        websockets.message(io.BytesIO(whole[:kept]).read)


def test_the_key_of_the_specifications_example() -> None:
    assert websockets.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(("code", "told"), [(7, "7"), (-9, "137")])
def test_an_exit_code_is_told_as_a_cause(code: int, told: str) -> None:
    assert execs.status(0) == {"metadata": {}, "status": "Success"}
    assert execs.status(code)["details"]["causes"] == [{"reason": "ExitCode", "message": told}]
