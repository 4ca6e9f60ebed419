"""The one error the sandbox shows to a person."""

from __future__ import annotations


class SandboxError(Exception):
    """What is wrong, where, and what to do about it, in one sentence or two; never needs a traceback."""
