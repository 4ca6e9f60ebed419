"""`python -m gitsync.sandbox.kubelet --dir DIR`: runs until a signal, inside the sandbox's namespaces.

Reads DIR/kubeconfig-inside. The back-off before restarts starts at GITSYNC_SANDBOX_BACKOFF seconds (10 unless
given); volumes of API objects are read again every GITSYNC_SANDBOX_REFRESH seconds (60).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from gitsync.sandbox import isolation
from gitsync.sandbox.kubelet.agent import Kubelet
from gitsync.sandbox.kubelet.housing import Housing, InNamespaces
from gitsync.sandbox.kubelet.plainhousing import PlainHousing
from gitsync.sandbox.kubelet.podstates import Backoff
from gitsync.sandbox.kubelet.surroundings import Pauses
from gitsync.sandbox.layout import Layout
from operator_core.errors import AgentError
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

BACKOFF_VARIABLE = "GITSYNC_SANDBOX_BACKOFF"
REFRESH_VARIABLE = "GITSYNC_SANDBOX_REFRESH"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m gitsync.sandbox.kubelet", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="the sandbox's folder")
    parser.add_argument("--isolation", default=isolation.NAMESPACES, help="how pods are apart: namespaces or none")
    parser.add_argument("--backoff", type=float, default=None, help="seconds before the second restart in a row")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    base = arguments.backoff if arguments.backoff is not None else float(os.environ.get(BACKOFF_VARIABLE, "10"))
    refresh = float(os.environ.get(REFRESH_VARIABLE, "60"))
    folder = arguments.dir.resolve()
    try:
        client = Client.connect(kubeconfig=Layout(folder).kubeconfig_inside)
    except AgentError as error:
        print(f"the kubelet cannot start: {error.message}", file=sys.stderr)
        return 3
    housing: Housing = PlainHousing(folder) if arguments.isolation == isolation.NONE else InNamespaces()
    kubelet = Kubelet(folder, client, SystemClock(), Pauses(Backoff(base=base), refresh), housing)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    kubelet.start()
    ending.wait()
    kubelet.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
