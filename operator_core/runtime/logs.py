"""How log lines look: one JSON object per line for machines, short text for people.

`logger.info(text, extra={"resource": "ns/name", "pass_id": …})` adds fields to the JSON form. Must
not know what is logged; callers never pass manifests or arguments, and what looks like a secret is taken out.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from operator_core import masking

EXTRA_FIELDS = ("resource", "pass_id", "revision", "app")


_pass: ContextVar[Mapping[str, str]] = ContextVar("pass", default=MappingProxyType({}))


@contextmanager
def during(**fields: str) -> Iterator[None]:
    """Every line of this thread has these fields until the block ends, unless it names its own."""
    token = _pass.set({**_pass.get(), **fields})
    try:
        yield
    finally:
        _pass.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, known extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masking.masked(record.getMessage()),
        }
        for field in EXTRA_FIELDS:
            value = getattr(record, field, _pass.get().get(field))
            if value is not None:
                line[field] = str(value)
        if record.exc_info:
            line["exception"] = masking.masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """One line for people, and the exception below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return masking.masked(super().format(record))


def configure(*, as_json: bool, level: str = "INFO") -> None:
    """Send all loggers to standard error in one form. `level` is a name of the logging module."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonFormatter() if as_json else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "urllib3", "apscheduler", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Every try that fails; what they come to is told once by whoever asked.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
