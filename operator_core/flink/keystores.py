"""Certificates and keys out of the stores that Java programs use: PKCS12, JKS, or PEM texts.

Told apart by their first bytes. A JKS file is Java's own format: entries behind a magic number, a digest over all
at the end, private keys under a key stream of SHA-1 blocks (the format is documented by OpenJDK's JavaKeyStore).
Decides nothing about trust. Raises ValueError with what is wrong.
"""

import hashlib
import struct
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

_JKS = 0xFEEDFEED
_PEM = b"-----BEGIN "
_SALT = b"Mighty Aphrodite"
_DIGEST = 20


@dataclass(frozen=True, slots=True)
class Content:
    """DER certificates that are trusted, and the store's own key (PEM, unencrypted) with its chain (DER)."""

    certificates: tuple[bytes, ...]
    key: bytes | None = None
    chain: tuple[bytes, ...] = ()


def read(data: bytes, password: str, key_password: str = "") -> Content:
    """What a store holds. ValueError: it is damaged, of another kind, or the password is wrong."""
    if data.lstrip().startswith(_PEM):
        return _pem(data)
    if len(data) >= 4 and struct.unpack(">I", data[:4])[0] == _JKS:
        return _jks(data, password, key_password or password)
    return _pkcs12(data, password)


def _pem(data: bytes) -> Content:
    certificates = tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(data))
    return Content(certificates)


def _pkcs12(data: bytes, password: str) -> Content:
    store = pkcs12.load_pkcs12(data, password.encode() if password else None)
    more = tuple(one.certificate.public_bytes(Encoding.DER) for one in store.additional_certs)
    own = (store.cert.certificate.public_bytes(Encoding.DER),) if store.cert is not None else ()
    key = None
    if store.key is not None:
        key = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Content((*own, *more), key, (*own, *more) if key is not None else ())


class _Reader:
    """Big-endian fields one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("the key store ends early")
        self._at += count
        return taken

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def text(self) -> str:
        return self.take(int(struct.unpack(">H", self.take(2))[0])).decode("utf-8", "replace")

    def block(self) -> bytes:
        return self.take(self.number())


def _jks(data: bytes, password: str, key_password: str) -> Content:
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    secret = password.encode("utf-16-be")
    if hashlib.sha1(secret + _SALT + body, usedforsecurity=False).digest() != digest:
        raise ValueError("the password does not fit the key store, or the key store is damaged")
    reader = _Reader(body)
    reader.take(4)
    version, count = reader.number(), reader.number()
    certificates: list[bytes] = []
    key: bytes | None = None
    chain: tuple[bytes, ...] = ()
    for _ in range(count):
        tag = reader.number()
        reader.text()
        reader.take(8)
        if tag == 1:
            protected = reader.block()
            found = tuple(_certificate(reader, version) for _ in range(reader.number()))
            if key is None:
                key, chain = _jks_key(protected, key_password), found
            certificates += found
        elif tag == 2:
            certificates.append(_certificate(reader, version))
        else:
            raise ValueError(f"the key store has an entry of the unknown kind {tag}")
    return Content(tuple(certificates), key, chain)


def _certificate(reader: _Reader, version: int) -> bytes:
    if version > 1:
        reader.text()
    return reader.block()


def _jks_key(protected: bytes, password: str) -> bytes:
    data = _second_member(protected)
    salt, hidden, check = data[:_DIGEST], data[_DIGEST:-_DIGEST], data[-_DIGEST:]
    secret = password.encode("utf-16-be")
    stream, block = b"", salt
    while len(stream) < len(hidden):
        block = hashlib.sha1(secret + block, usedforsecurity=False).digest()
        stream += block
    plain = bytes(a ^ b for a, b in zip(hidden, stream, strict=False))
    if hashlib.sha1(secret + plain, usedforsecurity=False).digest() != check:
        raise ValueError("the password does not fit the key in the key store")
    return load_der_private_key(plain, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _second_member(der: bytes) -> bytes:
    """The content of the second member of a DER sequence."""
    content, _ = _value(der)
    _, rest = _value(content)
    return _value(rest)[0]


def _value(der: bytes) -> tuple[bytes, bytes]:
    """The content of the first DER value, and what follows it."""
    if len(der) < 2:
        raise ValueError("the key in the key store is damaged")
    length, start = der[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + count]), 2 + count
    return der[start : start + length], der[start + length :]
