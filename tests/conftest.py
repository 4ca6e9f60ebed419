"""What all tests share: how long property tests search, and a terminal's meaning of Ctrl-C.

A shell's background job ignores SIGINT and hands that down to every program a test starts and interrupts.
"""

import os
import signal

from hypothesis import HealthCheck, settings

# A short run looks at the same examples each time, a long one at new ones.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("GITSYNC_HYPOTHESIS", "default"))

signal.signal(signal.SIGINT, signal.default_int_handler)
