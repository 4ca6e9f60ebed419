"""Runs one program without namespaces and tells how it ended: `monitor.py STATUS_FD INFO_FD WORKDIR PROGRAM…`.

Does for a plain container what `bwrap` does for an isolated one, with the same words: `{"child-pid": N}` when the
program runs, `{"exit-code": N}` when it has ended, after what is left of its process group was killed. Needs nothing
of this package, so that it starts at once; exits with 1, the reason in the log, when the program cannot be executed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys


def main() -> int:
    status, info = int(sys.argv[1]), int(sys.argv[2])
    workdir, command = sys.argv[3], sys.argv[4:]
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        child = subprocess.Popen(command, cwd=workdir, start_new_session=True, restore_signals=True)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return 1
    os.write(info, json.dumps({"child-pid": child.pid}).encode())
    os.close(info)
    code = child.wait()
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    number = code if code >= 0 else 128 - code
    os.write(status, json.dumps({"exit-code": number}).encode() + b"\n")
    return number


if __name__ == "__main__":
    sys.exit(main())
