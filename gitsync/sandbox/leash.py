"""Runs a module as a program that cannot outlive whoever started it, children included.

`python -m gitsync.sandbox.leash MODULE ARGUMENTS...` in a session of its own with a pipe as standard input: when
the pipe closes, the whole process group is killed. For work outside the sandbox's namespaces, where no kernel
ends it. Knows nothing about the work.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
from typing import IO

from gitsync.sandbox import namespaces


def start(module: str, arguments: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start `module`; its standard input, held by the caller, is the leash."""
    return subprocess.Popen(
        [sys.executable, "-m", "gitsync.sandbox.leash", module, *arguments],
        env=namespaces.environment(),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def let_go(process: subprocess.Popen[bytes]) -> None:
    """End a started module with everything it started, and wait for it."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def _feel(pipe: int) -> None:
    while os.read(pipe, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the module named first with the other arguments as its own."""
    pipe = os.dup(sys.stdin.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    threading.Thread(target=_feel, args=(pipe,), daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
