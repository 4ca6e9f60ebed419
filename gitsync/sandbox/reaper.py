"""Runs a command and, when it ends, ends everything that it ever started: `python -m gitsync.sandbox.reaper DIR CMD…`.

What `unshare --kill-child` is to a sandbox with namespaces. Orphans come back to this process (prctl(2),
PR_SET_CHILD_SUBREAPER), so that all of the sandbox is below it; each also carries the mark of DIR.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

from gitsync.sandbox import marks, processes

PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """The command's exit code."""
    folder, *command = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    descriptors = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
    inherited = [fd for fd in descriptors if _is_inheritable(fd)]
    first = subprocess.Popen(command, env=os.environ | {marks.MARK: folder}, pass_fds=inherited)
    for fd in inherited:
        os.close(fd)  # the supervisor must see its end of the socket close with the command
    code = 0
    while True:
        pid, status = os.wait()
        if pid == first.pid:
            first.returncode = code = os.waitstatus_to_exitcode(status)
            break
    for pid in reversed(list(processes.tree(os.getpid()))[1:]):
        processes.kill(pid, signal.SIGKILL)
    marks.end_marked(folder)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return code


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
