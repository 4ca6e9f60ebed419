"""Why a JobManager process ended, read from the end of its log.

Pure text work: the last stack trace in the log, told by its first and innermost message. Stack frames and
log prefixes are left out; nothing of the configuration that Flink logs at its start is quoted.
"""

import re

_CAUSED = re.compile(r"^Caused by: (?P<text>[\w.$]+(?:Exception|Error)\b.*)$")
_HEAD = re.compile(r"(?:^|\s)(?P<text>(?:[a-z][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$")
_LIMIT = 400


def root_cause(log: str) -> str | None:
    """The innermost cause of the last exception in the log, in one line; None when there is none."""
    innermost: str | None = None
    for line in log.splitlines():
        text = line.rstrip()
        if text.lstrip().startswith(("at ", "... ")):
            continue
        found = _CAUSED.match(text) or _HEAD.search(text)
        if found:
            innermost = found["text"]
    return innermost[:_LIMIT] if innermost else None
