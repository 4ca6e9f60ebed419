"""TLS as a cluster's configuration wants it, from the Secrets its pods use; else from files the agent was given.

Host names are not checked, as Flink's own REST client does not: what counts is that the server holds a
certificate of the cluster's trust store. A context is kept for some minutes, and dropped when a connection fails,
so that renewed certificates are picked up. Private keys are never written to a disk.
"""

import base64
import binascii
import os
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from operator_core.conf.resttls import RestTls, Store
from operator_core.flink import errors, keystores
from operator_core.flink.keystores import Content
from operator_core.jsonvalues import Object
from operator_core.kube import errors as kube_errors
from operator_core.runtime.clock import Clock

_KEPT_SECONDS = 300.0
_Key = tuple[str, RestTls]


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files for clusters whose own material is in no Secret."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class TlsContexts:
    """`secret` reads a Secret (namespace, name). Safe to share between threads."""

    def __init__(self, secret: Callable[[str, str], Object], clock: Clock, files: Files | None = None) -> None:
        self._secret = secret
        self._clock = clock
        self._files = files or Files()
        self._lock = threading.Lock()
        self._made: dict[_Key, tuple[ssl.SSLContext, float]] = {}

    def context(self, namespace: str, tls: RestTls) -> ssl.SSLContext:
        """A context for the cluster. Raises FlinkUnreachable with what is missing."""
        with self._lock:
            known = self._made.get((namespace, tls))
        if known is not None and self._clock.monotonic() - known[1] < _KEPT_SECONDS:
            return known[0]
        try:
            made = self._make(namespace, tls)
        except (ValueError, OSError, ssl.SSLError) as error:
            raise errors.FlinkUnreachable(f"the TLS material of Flink's REST API cannot be used: {error}") from error
        with self._lock:
            self._made[namespace, tls] = (made, self._clock.monotonic())
        return made

    def forget(self, namespace: str, tls: RestTls) -> None:
        """A connection failed: read the material again next time."""
        with self._lock:
            self._made.pop((namespace, tls), None)

    def _make(self, namespace: str, tls: RestTls) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        trusted = self._content(namespace, tls.trust) or self._content(namespace, tls.key)
        if trusted is not None:
            context.load_verify_locations(cadata=b"".join(trusted.certificates))
        elif self._files.authority is not None:
            context.load_verify_locations(cafile=str(self._files.authority))
        else:
            raise ValueError(_missing("trust store", tls.trust or tls.key, "security.ssl.rest.truststore"))
        if tls.mutual:
            self._identify(context, namespace, tls)
        return context

    def _identify(self, context: ssl.SSLContext, namespace: str, tls: RestTls) -> None:
        own = self._content(namespace, tls.key)
        if own is not None and own.key is not None:
            _load_pair(context, own.chain, own.key)
        elif self._files.certificate is not None:
            context.load_cert_chain(str(self._files.certificate), self._files.key and str(self._files.key))
        else:
            raise ValueError(_missing("key store", tls.key, "security.ssl.rest.keystore"))

    def _content(self, namespace: str, store: Store | None) -> Content | None:
        if store is None or store.file is None:
            return None
        try:
            data = self._secret(namespace, store.file.secret).get("data") or {}
            if store.file.key not in data:
                raise ValueError(f"Secret {namespace}/{store.file.secret} has no key {store.file.key}")
            raw = base64.b64decode(data[store.file.key])
            pem_key = base64.b64decode(data.get("tls.key", "")) or None
        except kube_errors.KubeError as error:
            raise ValueError(f"Secret {namespace}/{store.file.secret}: {error.message}") from error
        except binascii.Error as error:
            raise ValueError(f"Secret {namespace}/{store.file.secret} is damaged") from error
        try:
            found = keystores.read(raw, store.password, store.key_password)
        except ValueError as error:
            raise ValueError(f"{store.path} (Secret {namespace}/{store.file.secret}): {error}") from error
        if found.key is None and pem_key is not None and raw.lstrip().startswith(b"-----BEGIN"):
            return Content(found.certificates, pem_key, found.certificates)
        return found


def _missing(what: str, store: Store | None, option: str) -> str:
    if store is None:
        return f"there is no {what}; set {option}"
    return (
        f"the {what} {store.path} comes from no Secret that the JobManager's pod template mounts; mount it from one, "
        "or give the agent PEM files (flinkCaFile, flinkCertFile, flinkKeyFile)"
    )


def _load_pair(context: ssl.SSLContext, chain: tuple[bytes, ...], key: bytes) -> None:
    """Through a file in memory, since the ssl module reads pairs from files only."""
    texts = [ssl.DER_cert_to_PEM_cert(one).encode() for one in chain]
    handle = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(handle, b"".join((key, *texts)))
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
