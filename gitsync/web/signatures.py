"""Whether a push notification comes from somebody who knows the secret.

Pure. `X-Signature: sha256=<hex>` is HMAC-SHA256 over the body exactly as received (what Flux calls
generic-hmac). Compared in constant time, and before anything looks into the body.
"""

import hashlib
import hmac
from pathlib import Path

from operator_core.errors import Reason, Stalled

_SCHEME = "sha256="
_SHORTEST_SECRET = 8


def sign(body: bytes, secret: bytes) -> str:
    """The value of the header for `body`."""
    return _SCHEME + hmac.new(secret, body, hashlib.sha256).hexdigest()


def is_valid(header: str, body: bytes, secret: bytes) -> bool:
    """Whether `header` signs `body` with `secret`."""
    return hmac.compare_digest(header.strip().lower().encode(), sign(body, secret).encode())


def read_secret(file: Path | None) -> bytes:
    """The secret in `file`, without the line feed editors add.

    Raises Stalled(WebhookSecretMissing) where there is none: a receiver without a secret would let
    anybody who reaches it make the agent work.
    """
    if file is None:
        raise _missing("no secret is configured")
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise _missing(f"the file {file} cannot be read ({error.strerror})") from error
    if len(secret) < _SHORTEST_SECRET:
        raise _missing(f"the file {file} holds fewer than {_SHORTEST_SECRET} characters")
    return secret


def _missing(why: str) -> Stalled:
    return Stalled(
        Reason.WebhookSecretMissing,
        f"the webhook receiver does not start: {why}; put a long random text into a file and name it as its secret",
    )
