"""Quartz cron expressions, as the Java operator's schedules are written: read, and their next time.

Six or seven fields: second, minute, hour, day of month, month, day of week (1 is Sunday), year. Exactly one of the
two day fields is `?`. Knows `* ? , - / L W LW L-n nW nL n#k` and names of months and days, as
org.quartz.CronExpression does; ranges may run over the end (22-2, FRI-MON).
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = {
    "month": {name.upper(): number for name, number in _MONTHS.items()},
    "day of week": {name: number for number, name in enumerate(_DAYS, 1)},
}
_RANGES = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day of month": (1, 31),
    "month": (1, 12),
    "day of week": (1, 7),
    "year": (1970, 2099),
}
_FIELDS = tuple(_RANGES)
_LAST_YEAR = 2099
_MONTH_DAY = re.compile(r"L(?:-(\d{1,2}))?(W)?|(\d{1,2})(W)")


@dataclass(frozen=True, slots=True)
class MonthDay:
    """Days of a month told by its end or by its weekdays: L, L-3, LW, 15W. `day` None: `before` days before the end."""

    day: int | None
    before: int
    weekday: bool

    def of(self, year: int, month: int) -> int | None:
        """The day of that month; None where it has none."""
        last = calendar.monthrange(year, month)[1]
        day = last - self.before if self.day is None else self.day
        if not 1 <= day <= last:
            return None
        return _nearest_weekday(year, month, day, last) if self.weekday else day


@dataclass(frozen=True, slots=True)
class WeekDay:
    """The `nth` of a day of week (1 is Sunday) within a month; `nth` 0: the last."""

    day: int
    nth: int

    def of(self, year: int, month: int) -> int | None:
        """The day of that month; None where it has none."""
        last = calendar.monthrange(year, month)[1]
        found = [day for day in range(1, last + 1) if _day_of_week(date(year, month, day)) == self.day]
        if self.nth == 0:
            return found[-1]
        return found[self.nth - 1] if self.nth <= len(found) else None


@dataclass(frozen=True, slots=True)
class Expression:
    """A schedule. `days` or `weekdays` is None where the other one decides."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    month_days: tuple[MonthDay, ...]
    months: frozenset[int]
    weekdays: frozenset[int] | None
    week_days: tuple[WeekDay, ...]
    years: frozenset[int]

    def after(self, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first time later than `moment` (aware), in UTC; None when there is none any more.

        A time that the clocks skip is told by the offset before the change, one that they repeat is its first.
        """
        start = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0) + timedelta(seconds=1)
        for day in self._days_from(start.date()):
            earliest = start.time() if day == start.date() else time.min
            for at in self._times_from(earliest):
                found = datetime.combine(day, at, zone).astimezone(UTC)
                if found > moment:
                    return found
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in range(first.year, _LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                if (year, month) >= (first.year, first.month):
                    days = (date(year, month, day) for day in self._days_of(year, month))
                    yield from (day for day in days if day >= first)

    def _days_of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.days is not None:
            found = {day for day in self.days if day <= last}
            return sorted(found | {day for rule in self.month_days if (day := rule.of(year, month)) is not None})
        weekdays = self.weekdays or frozenset()
        found = {day for day in range(1, last + 1) if _day_of_week(date(year, month, day)) in weekdays}
        return sorted(found | {day for rule in self.week_days if (day := rule.of(year, month)) is not None})

    def _times_from(self, earliest: time) -> Iterator[time]:
        for hour in self.hours:
            for minute in self.minutes:
                if (hour, minute) < (earliest.hour, earliest.minute):
                    continue
                for second in self.seconds:
                    at = time(hour, minute, second)
                    if at >= earliest:
                        yield at


def parse(text: str) -> Expression:
    """The schedule of a text. Raises ValueError that says which field is wrong and how."""
    words = text.upper().split()
    if len(words) not in (6, 7):
        raise ValueError(f"{len(words)} fields; write second minute hour day-of-month month day-of-week [year]")
    fields = dict(zip(_FIELDS, [*words, "*"], strict=False))
    if (fields["day of month"] == "?") == (fields["day of week"] == "?"):
        raise ValueError("exactly one of day of month and day of week must be ?")
    days, month_days = _month_days(fields["day of month"])
    weekdays, week_days = _week_days(fields["day of week"])
    return Expression(
        text=text,
        seconds=_numbers("second", fields["second"]),
        minutes=_numbers("minute", fields["minute"]),
        hours=_numbers("hour", fields["hour"]),
        days=days,
        month_days=month_days,
        months=frozenset(_numbers("month", fields["month"])),
        weekdays=weekdays,
        week_days=week_days,
        years=frozenset(_numbers("year", fields["year"])),
    )


def _month_days(text: str) -> tuple[frozenset[int] | None, tuple[MonthDay, ...]]:
    if text == "?":
        return None, ()
    plain: list[str] = []
    rules: list[MonthDay] = []
    for part in text.split(","):
        match = _MONTH_DAY.fullmatch(part)
        if match is None:
            plain.append(part)
        elif match[3] is not None:
            rules.append(MonthDay(_in_range("day of month", match[3]), 0, weekday=True))
        else:
            before = int(match[1] or 0)
            if before > 30:
                raise ValueError(f"day of month: {part}: a month has no more than 31 days")
            rules.append(MonthDay(None, before, weekday=match[2] is not None))
    return frozenset(_numbers("day of month", ",".join(plain)) if plain else ()), tuple(rules)


def _week_days(text: str) -> tuple[frozenset[int] | None, tuple[WeekDay, ...]]:
    if text == "?":
        return None, ()
    plain: list[str] = []
    rules: list[WeekDay] = []
    for part in text.split(","):
        day, mark, nth = part.partition("#")
        if mark:
            if nth not in ("1", "2", "3", "4", "5"):
                raise ValueError(f"day of week: {part}: a number from 1 to 5 must follow #")
            rules.append(WeekDay(_in_range("day of week", day), int(nth)))
        elif part == "L":
            plain.append("SAT")
        elif part.endswith("L"):
            rules.append(WeekDay(_in_range("day of week", part[:-1]), 0))
        else:
            plain.append(part)
    return frozenset(_numbers("day of week", ",".join(plain)) if plain else ()), tuple(rules)


def _numbers(field: str, text: str) -> tuple[int, ...]:
    """The numbers of a list of stars, numbers, ranges and steps, ascending."""
    found: set[int] = set()
    for part in text.split(","):
        found |= set(_part(field, part))
    return tuple(sorted(found))


def _part(field: str, part: str) -> list[int]:
    low, high = _RANGES[field]
    body, slash, step_text = part.partition("/")
    if slash and (not step_text.isdigit() or not 1 <= int(step_text) <= max(high - low + 1, 1)):
        raise ValueError(f"{field}: {part!r}: the step after / must be a number from 1 to {high - low + 1}")
    step = int(step_text) if slash else 1
    if body in ("*", "") and (body or slash):
        first, last = low, high
    elif "-" in body:
        begin, _, end = body.partition("-")
        first, last = _in_range(field, begin), _in_range(field, end)
    else:
        first = _in_range(field, body)
        last = high if slash else first
    if last < first and field == "year":
        raise ValueError(f"{field}: {part!r} ends before it begins")
    size = high - low + 1
    length = last - first if last >= first else last - first + size
    return [low + (first - low + offset) % size for offset in range(0, length + 1, step)]


def _in_range(field: str, text: str) -> int:
    low, high = _RANGES[field]
    names = _NAMES.get(field, {})
    if text in names:
        return names[text]
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{field}: {text!r} is not a number from {low} to {high}{' or a name' if names else ''}")
    return int(text)


def _day_of_week(day: date) -> int:
    """1 for Sunday to 7 for Saturday."""
    return day.isoweekday() % 7 + 1


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The nearest day from Monday to Friday that lies in the same month."""
    weekday = _day_of_week(date(year, month, day))
    if weekday == 7:
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < last else day - 2
    return day
