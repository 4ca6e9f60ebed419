"""How long a server asks to be left alone, from the headers in Git's trace."""

import pytest

from gitsync.git import waits


def trace(*headers: str) -> str:
    return "".join(f"12:00:00.0 http.c:724              <= Recv header: {header}\n" for header in headers)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("HTTP/2 429 ", "retry-after: 30"), 30.0),
        (("HTTP/1.1 503 Busy", "Retry-After: 0"), 0.0),
        (("HTTP/1.1 429", "Retry-After: 86400"), 3600.0),
        (
            ("HTTP/1.1 429", "Date: Fri, 21 Nov 2025 10:00:00 GMT", "Retry-After: Fri, 21 Nov 2025 10:02:00 GMT"),
            120.0,
        ),
        (("HTTP/1.1 429", "Retry-After: Fri, 21 Nov 2025 10:02:00 GMT"), None),
        (("HTTP/1.1 429", "Retry-After: later"), None),
        (("HTTP/1.1 429", "Retry-After: 5", "HTTP/1.1 429"), None),
        ((), None),
    ],
)
def test_retry_after(headers: tuple[str, ...], seconds: float | None) -> None:
    assert waits.asked_for(trace(*headers)) == seconds
