"""How long a Git server asks to be left alone: `Retry-After` of its last answer, read from Git's own trace.

Pure. Git names a server's status and drops its headers; its trace of headers (GIT_TRACE_CURL, with secrets
redacted and without data) has them. Rules: RFC 9110, 10.2.3: seconds, or a date, which is compared with the
server's own clock.
"""

import re

LONGEST = 3600.0
_HEADER = re.compile(
    r"<= [Rr]ecv header: *(?P<name>retry-after|date|http/[\d.]+) *:? *(?P<value>[^\r\n]*)", re.IGNORECASE
)


def asked_for(trace: str) -> float | None:
    """Seconds to wait, at most an hour; None where the last answer does not say."""
    wait = date = ""
    for found in _HEADER.finditer(trace):
        match found["name"].lower():
            case "retry-after":
                wait = found["value"].strip()
            case "date":
                date = found["value"].strip()
            case _:
                wait = date = ""
    if not wait:
        return None
    if wait.isdigit():
        return min(float(wait), LONGEST)
    # Loaded for a server that gives a date: few do, and every command of the command line would pay for it.
    from email.utils import parsedate_to_datetime

    try:
        seconds = (parsedate_to_datetime(wait) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), LONGEST)
