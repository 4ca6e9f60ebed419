"""Which records a commit is due: the rules of `model.telling`, for those who report."""

from gitsync.model.records import TERMINAL
from gitsync.model.telling import Due, due

__all__ = ["TERMINAL", "Due", "due"]
