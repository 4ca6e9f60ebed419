"""How far the state machines of the protocol search: steps are examples times rules per example.

The short search is part of every run and looks at the same examples each time, the long one at new ones.
"""

from hypothesis import HealthCheck, settings

_STEPS_OF_AN_EXAMPLE = 40
SHORT_STEPS, LONG_STEPS = 2_000, 50_000


def _search(steps: int, *, same_each_time: bool) -> settings:
    return settings(
        max_examples=steps // _STEPS_OF_AN_EXAMPLE,
        stateful_step_count=_STEPS_OF_AN_EXAMPLE,
        derandomize=same_each_time,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


SHORT = _search(SHORT_STEPS, same_each_time=True)
LONG = _search(LONG_STEPS, same_each_time=False)
