"""The one error the sandbox shows to a person."""

from __future__ import annotations

from operator_core.errors import AgentError, Reason


class SandboxError(AgentError):
    """What is wrong, where, and what to do about it, in one sentence or two; never needs a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.SandboxFailed, message)
