"""What can go wrong when an object store is listed: one message for people, with what is to be done.

Never the words of a server: the endpoint is named by a resource, and what answers there may be anything.
"""

from operator_core.errors import Reason, Retry


class StoreError(Retry):
    """A store cannot be listed."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.RestoreFailed, message)
