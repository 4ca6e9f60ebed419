"""Offers notices to whoever asked for them. Never holds a pass up, and never fails one."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from gitsync.render.gotemplatevalues import TemplateError
from gitsync.report import chats
from gitsync.report.chats import Listener
from gitsync.report.deliveries import Answer, Delivery, HttpRequest, Lane, Verdict
from gitsync.report.notices import Notice

_log = logging.getLogger(__name__)

Secrets = Callable[[], Iterable[tuple[str, Mapping[str, str]]]]
"""Name and fields of every Secret of a listener, as they are now."""


class Notifier:
    """Knows who listens, and hands notices to the lane."""

    def __init__(self, lane: Lane, secrets: Secrets) -> None:
        self._lane = lane
        self._secrets = secrets
        self._told: dict[str, str] = {}

    def announce(self, notices: Iterable[Notice]) -> None:
        """Tell everybody who wants to hear of them; returns at once."""
        wanted = list(notices)
        if not wanted:
            return
        for name, fields in self._secrets():
            listener = chats.read(name, fields)
            if isinstance(listener, str):
                self._complain(name, listener)
                continue
            for notice in wanted:
                if listener.wants(notice):
                    self._submit(listener, notice)

    def _submit(self, listener: Listener, notice: Notice) -> None:
        try:
            request = chats.request(listener, notice)
        except TemplateError as error:
            self._complain(listener.name, f"its template: {error}")
            return

        def make() -> HttpRequest:
            return request

        def judge(answer: Answer) -> Verdict:
            return chats.judge(listener, answer)

        says = hashlib.sha256(request.content).hexdigest()
        key = (listener.name, str(notice.where.app), notice.event, notice.revision)
        self._lane.submit(urlsplit(request.url).netloc, Delivery(key, listener.name, says, make, judge))

    def _complain(self, name: str, problem: str) -> None:
        """Once per problem: the Secret stays as it is until somebody mends it."""
        if self._told.get(name) != problem:
            self._told[name] = problem
            _log.warning("the notification Secret %s is not used: %s", name, problem)
