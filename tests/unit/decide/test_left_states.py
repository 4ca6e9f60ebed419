"""How long statistics of an ended job may be older than its end: as long as its Flink caches them."""

import pytest
from situations import NOW_MS, facts, running_job, spec, status

from operator_core.decide import leftstates
from operator_core.decide.choices import Ask, Wait
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Need


@pytest.mark.parametrize(
    ("conf", "seconds", "left"),
    [
        ({}, 1, 3.0),
        ({}, 5, 0.0),
        ({"web.refresh-interval": "10000"}, 5, 6.0),
        ({"rest.cache.checkpoint-statistics.timeout": "20 s", "web.refresh-interval": "10000"}, 5, 16.0),
        ({"rest.cache.checkpoint-statistics.timeout": "20 s"}, 30, 0.0),
    ],
)
def test_nobody_believes_statistics_that_may_be_older_than_the_end(conf, seconds, left) -> None:
    job = running_job("FAILED", end=NOW_MS - seconds * 1000)
    given = facts(spec(), status(spec(conf)), flink=Flink(job=job))
    assert leftstates.still_cached(given, job) == left
    expected = Wait if left else Ask
    found = leftstates.newest_state(given, job)
    assert isinstance(found, expected) and (left or found == Ask((Need.CHECKPOINTS,)))
