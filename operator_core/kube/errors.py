"""What can go wrong when talking to the API server, by what a caller does about it.

    Retry
      KubeError           any answer that is not success, with its HTTP status
        NotFound          404: the object or the kind is not there
        Conflict          409: the precondition failed (resourceVersion, uid)
          AlreadyExists   409 on create
        Forbidden         403: RBAC or admission says no
          NamespaceEnding the namespace is being deleted, nothing new is made in it
        Unauthorized      401
        Invalid           400, 422: the object is wrong; message of the API server kept
        Gone              410: the resourceVersion of a list or watch is too old
        TooManyRequests   429, with Retry-After in `after`
        ServerError       5xx
      Unreachable         no answer at all (connection, TLS, time-out)
        NotLeader         not asked: another agent holds the lease, or nobody renewed ours

The API server's message is kept, cut to `MESSAGE_LIMIT` characters: a rejected object can be quoted
in it at length, so the secrets of what was sent are taken out before.
"""

import json

from operator_core import masking
from operator_core.errors import Reason, Retry
from operator_core.jsonvalues import Json

MESSAGE_LIMIT = 600
TYPED_PATCH = "failed to create typed patch object"
"""What a server-side apply of a value of the wrong type is answered with, as an HTTP 500."""


class KubeError(Retry):
    """An answer of the API server that is not success."""

    reason_code = Reason.ApiError

    def __init__(self, status: int, message: str, after: float | None = None) -> None:
        super().__init__(self.reason_code, message, after)
        self.status = status
        self.body = b""
        """The answer as it came, for whoever asked somebody else through the API server; not for people."""


class NotFound(KubeError):
    """404."""

    reason_code = Reason.NotFound


class Conflict(KubeError):
    """409."""

    reason_code = Reason.Conflict


class AlreadyExists(Conflict):
    """409 on create."""


class Forbidden(KubeError):
    """403."""

    reason_code = Reason.Forbidden


class NamespaceEnding(Forbidden):
    """403 on create: the namespace is being deleted."""


class Unauthorized(KubeError):
    """401."""

    reason_code = Reason.Forbidden


class Invalid(KubeError):
    """400 or 422."""

    reason_code = Reason.Invalid


class Gone(KubeError):
    """410."""


class TooManyRequests(KubeError):
    """429."""


class ServerError(KubeError):
    """5xx."""


class Unreachable(Retry):
    """The API server did not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.ApiUnreachable, message)
        self.status = 0


class NotLeader(Unreachable):
    """A side effect that is not allowed without the lease."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.reason = Reason.NotLeader


_BODY_LIMIT = 256 * 1024
_NAMESPACE_TERMINATING = b'"NamespaceTerminating"'
"""The cause in an answer's details (Kubernetes: corev1.NamespaceTerminatingCause)."""
_BY_STATUS: dict[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}


def from_answer(status: int, body: bytes, retry_after: str | None = None, sent: Json = None) -> KubeError:
    """The error for an answer. `body` is a Kubernetes Status object or any text, `sent` what was asked with."""
    message, reason = _message(body, sent)
    kind = ServerError if status >= 500 else _BY_STATUS.get(status, KubeError)
    if TYPED_PATCH in message:
        kind = Invalid
    if status == 409 and reason == "AlreadyExists":
        kind = AlreadyExists
    if status == 403 and _NAMESPACE_TERMINATING in body:
        kind = NamespaceEnding
    if kind is Unauthorized:
        message = f"the API server refuses the credentials ({message or status}): they are wrong or have expired"
    after = float(retry_after) if retry_after and retry_after.isdigit() else None
    error = kind(status, message or f"the API server answered {status}", after)
    error.body = body[:_BODY_LIMIT]
    return error


def _message(body: bytes, sent: Json) -> tuple[str, str]:
    try:
        status = json.loads(body)
        text, reason = str(status.get("message", "")), str(status.get("reason", ""))
    except (ValueError, AttributeError):
        text, reason = body.decode("utf-8", "replace").strip(), ""
    text = masking.masked(masking.without(text, masking.values_of(sent)))
    if len(text) > MESSAGE_LIMIT:
        text = text[:MESSAGE_LIMIT] + " …"
    return text, reason
