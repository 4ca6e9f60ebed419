"""Quartz expressions beside what org.quartz.CronExpression 2.4.0 itself answers (`quartz.txt`), and what it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core.conf import quartz

KNOWN = [line.split("|") for line in (Path(__file__).parent / "quartz.txt").read_text().splitlines()]


@pytest.mark.parametrize(("zone", "text", "after", "expected"), KNOWN)
def test_next_times_are_those_of_quartz(zone: str, text: str, after: str, expected: str) -> None:
    found = quartz.parse(text).after(datetime.fromisoformat(after).replace(tzinfo=UTC), ZoneInfo(zone))
    assert (found.strftime("%Y-%m-%dT%H:%M:%S") if found else "none") == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0 0 12 * *", "5 fields"),
        ("0 0 12 * * *", "exactly one"),
        ("0 0 12 ? * ?", "exactly one"),
        ("60 0 0 * * ?", "second: '60'"),
        ("0 0 24 * * ?", "hour: '24'"),
        ("0 0 0 32 * ?", "day of month: '32'"),
        ("0 0 0 ? * 8", "day of week: '8'"),
        ("0 0 0 ? * MON#6", "1 to 5"),
        ("0 0 0 * 13 ?", "month: '13'"),
        ("a 0 0 * * ?", "second: 'A'"),
        ("0 0/61 * * * ?", "step"),
        ("0 0 0 L-31 * ?", "31 days"),
        ("? 0 0 * * ?", "second: '?'"),
        ("0 5- 0 * * ?", "minute: ''"),
        ("0 0 0 40W * ?", "day of month: '40'"),
        ("0 0 0 1 1 ? 2030-2020", "ends before"),
    ],
)
def test_a_wrong_expression_is_told_by_its_field(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
        quartz.parse(text)


def test_nothing_follows_the_last_year() -> None:
    assert quartz.parse("0 0 0 1 1 ? 2020").after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@given(
    st.sampled_from(sorted({row[1] for row in KNOWN})),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_there_is_no_time_between_a_moment_and_the_next_time(text: str, moment: datetime) -> None:
    """The next time is later, fits the expression, and is found again from one second before it."""
    expression = quartz.parse(text)
    found = expression.after(moment)
    if found is not None:
        assert found > moment
        assert expression.after(found - timedelta(seconds=1)) == found
        middle = moment + (found - moment) / 2
        assert expression.after(middle) == found
