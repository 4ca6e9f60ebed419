"""HTTP connections to a host that a resource names: they give up on slow, long and wandering answers.

An answer is read whole, up to a size and a point in time; redirects are not followed, so that a request which was
signed for one host never reaches another. Knows nothing of S3.
"""

import os
import time
from typing import TYPE_CHECKING

import certifi
import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.response import BaseHTTPResponse

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MAX_BYTES = 8 * 1024 * 1024
_CHUNK = 64 * 1024


class TooLate(urllib3.exceptions.HTTPError):
    """The time for all requests together is over."""


class TooLong(urllib3.exceptions.HTTPError):
    """An answer is longer than any that is waited for."""


class BoundedPool(urllib3.PoolManager):
    """`seconds` is the time that all requests together may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=1, redirect=False, status_forcelist=[500, 502, 503, 504], backoff_factor=0.5),
            cert_reqs="CERT_REQUIRED",
            ca_certs=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or certifi.where(),
        )
        self._ends = time.monotonic() + seconds

    def urlopen(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        body: str | bytes | None = None,
        headers: "Mapping[str, str] | None" = None,
        preload_content: bool = True,
    ) -> "BaseHTTPResponse":
        """The whole answer. Raises urllib3's errors, TooLate, TooLong."""
        answer = super().urlopen(method, url, redirect=False, body=body, headers=headers, preload_content=False)
        try:
            read = self._read(answer)
        finally:
            answer.close()
        return urllib3.HTTPResponse(body=read, headers=answer.headers, status=answer.status, reason=answer.reason)

    def _read(self, answer: "BaseHTTPResponse") -> bytes:
        read = bytearray()
        while chunk := answer.read1(_CHUNK, decode_content=True):
            read += chunk
            if len(read) > MAX_BYTES:
                raise TooLong(f"more than {MAX_BYTES} bytes")
            if time.monotonic() > self._ends:
                raise TooLate("no time is left")
        return bytes(read)
