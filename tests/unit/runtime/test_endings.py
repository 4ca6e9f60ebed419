"""A signal ends the wait at whatever moment it comes."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys, threading
from operator_core.runtime.endings import Ending
threading.Thread(target=threading.Event().wait, daemon=True).start()
over = Ending()
if sys.argv[1] == "before":
    os.kill(os.getpid(), signal.SIGTERM)
    while not over.is_set():
        pass
else:
    threading.Timer(0.05, os.kill, (os.getpid(), getattr(signal, sys.argv[1]))).start()
over.wait()
print("ended")
"""


@pytest.mark.parametrize("when", ["before", "SIGTERM", "SIGINT"])
def test_a_signal_ends_the_wait(when: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, when], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "ended\n"
