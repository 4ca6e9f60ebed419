"""Validation rules about the job autoscaler's options, while it is switched on.

Ranges and their dependence on each other are those of the Java operator's validator; a text that is no number is
told as such. Whether the agent scales jobs plays no part: a spec must mean the same to both operators.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from operator_core.conf import flattening, options, quartz
from operator_core.conf.options import Option
from operator_core.decide.candidates import Candidate

_DAILY: Final = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?-([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_RECONCILE_INTERVAL: Final = Option(f"{options.OPERATOR_PREFIX}reconcile.interval", (), "60 s")


def _option(name: str, default: str | None = None, *older: str) -> Option:
    keys = [options.AUTOSCALER_PREFIX + one for one in (name, *older)]
    return Option(keys[0], (*keys[1:], *(options.OPERATOR_PREFIX + key for key in keys)), default)


_ENABLED: Final = _option("enabled", "false")
_TARGET: Final = _option("utilization.target", "0.7", "target.utilization")
_RANGES: Final[Mapping[Option, tuple[float, float]]] = {
    _option("scale-down.max-factor"): (0, float("inf")),
    _option("scale-up.max-factor"): (0, float("inf")),
    _TARGET: (0, 1),
    _option("target.utilization.boundary"): (0, float("inf")),
    _option("memory.gc-pressure.threshold"): (0, 1),
    _option("memory.heap-usage.threshold"): (0, 1),
}
_RANGES_OF_FEATURES: Final[Mapping[Option, tuple[Option, tuple[float, float]]]] = {
    _option("observed-scalability.coefficient-min"): (_option("observed-scalability.enabled", "false"), (0.01, 1)),
    _option("scaling.effectiveness.threshold"): (_option("scaling.effectiveness.detection.enabled", "false"), (0, 1)),
    _option("memory.tuning.overhead"): (_option("memory.tuning.enabled", "false"), (0, 1)),
}


def autoscaler_is_in_range(candidate: Candidate) -> Iterator[str]:
    conf = candidate.conf
    if not options.get_bool(conf, _ENABLED):
        return
    for option, bounds in _RANGES.items():
        yield from _out_of(conf, option, bounds)
    for option, (feature, bounds) in _RANGES_OF_FEATURES.items():
        if options.get_bool(conf, feature):
            yield from _out_of(conf, option, bounds)
    target = options.get_number(conf, _TARGET)
    if 0 <= target <= 1:
        yield from _out_of(conf, _option("utilization.max"), (target, 1))
        yield from _out_of(conf, _option("utilization.min"), (0, target))
    yield from _excluded_periods(conf)
    yield from _window(conf)


def _out_of(conf: Mapping[str, str], option: Option, bounds: tuple[float, float]) -> Iterator[str]:
    if not options.is_set(conf, option):
        return
    number, (low, high) = options.get_number(conf, option), bounds
    if not low <= number <= high:
        wanted = f"from {low:g} to {high:g}" if high < float("inf") else f"of at least {low:g}"
        key = options.name_set(conf, option)
        yield f"spec.flinkConfiguration[{key}]: {number:g} is out of range; write a number {wanted}"


def _excluded_periods(conf: Mapping[str, str]) -> Iterator[str]:
    """Each is a daily period, a Quartz cron expression, or both joined by "&&"."""
    option = _option("excluded.periods")
    for period in flattening.split_list(options.get(conf, option) or ""):
        parts = [part.strip() for part in period.split("&&")]
        if len(parts) > 2 or not all(_DAILY.fullmatch(part) or _is_cron(part) for part in parts):
            yield (
                f"spec.flinkConfiguration[{options.name_set(conf, option)}]: {period!r} is neither a daily period nor "
                "a Quartz cron expression; write for instance 9:30-10:50 && * * * ? * 2-6"
            )


def _window(conf: Mapping[str, str]) -> Iterator[str]:
    option = _option("metrics.window")
    if not options.is_set(conf, option):
        return
    window, interval = options.get_seconds(conf, option) or 0.0, options.get_seconds(conf, _RECONCILE_INTERVAL) or 0.0
    if window < interval:
        yield (
            f"spec.flinkConfiguration[{options.name_set(conf, option)}]: {options.get(conf, option)} is shorter than "
            f"{_RECONCILE_INTERVAL.key}, so that no metrics would fall into it; write at least {interval:g} s"
        )


def _is_cron(text: str) -> bool:
    try:
        quartz.parse(text)
    except ValueError:
        return False
    return True
