"""What all tests share: how long property tests search, a terminal's meaning of Ctrl-C, and who runs which test.

A shell's background job ignores SIGINT and hands that down to every program a test starts and interrupts.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

END_TO_END = "tests/e2e/"

# A short run looks at the same examples each time, a long one at new ones.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("GITSYNC_HYPOTHESIS", "default"))

signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that two processes end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(END_TO_END))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """One file stays in one process, and so do all end-to-end tests: they share one sandbox."""

    class ByMachine(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return END_TO_END if nodeid.startswith(END_TO_END) else nodeid.split("::")[0]

    return ByMachine(config, log)
