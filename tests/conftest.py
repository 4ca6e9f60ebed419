"""What all tests share: how long property tests search, a terminal's meaning of Ctrl-C, and who runs beside whom.

A shell's background job ignores SIGINT and hands that down to every program a test starts and interrupts. Two processes
share the tests: a module stays in one of them, and all end-to-end tests do, since they share a sandbox with Flink.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# A short run looks at the same examples each time, a long one at new ones.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("GITSYNC_HYPOTHESIS", "default"))

signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder == "e2e" else item.path.stem))
