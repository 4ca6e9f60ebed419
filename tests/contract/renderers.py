"""The real helm: the machine's own, or the one that was built from its Go module.

`make test` uses what is there and skips what is not; `make test-full` builds it first.
"""

import shutil
from pathlib import Path

import pytest

from gitsync.sandbox import gotools
from gitsync.sandbox.progress import Progress


def program(tool: gotools.GoTool, config: pytest.Config) -> Path:
    """The path of a program; skips the test where there is none and none is to be built."""
    found = shutil.which(tool.name)
    if found:
        return Path(found)
    if not gotools.place(tool).exists() and config.getoption("markexpr") == "not full":
        pytest.skip(f"there is no {tool.name} here; `make test-full` builds one")
    return gotools.built(tool, Progress())
