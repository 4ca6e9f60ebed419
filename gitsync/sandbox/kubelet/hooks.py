"""Lifecycle hooks: what a container wants done right after its start and before its SIGTERM.

Shell. A hook is a command inside, an HTTP request or a pause. A failing postStart hook ends the container, a failing
preStop hook does not keep it alive (Kubernetes documentation, "Container Lifecycle Hooks").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gitsync.sandbox.kubelet import probing
from gitsync.sandbox.kubelet.probing import Target
from operator_core.jsonvalues import Object, dig

POST_START_LIMIT_S = 120.0


def after_start(target: Target, failed: Callable[[str], None]) -> None:
    """Run the postStart hook beside the container; `failed` gets the reason when it fails."""
    hook: Object | None = dig(target.container, "lifecycle", "postStart")
    if hook:

        def run() -> None:
            problem = _perform(hook, target, POST_START_LIMIT_S)
            if problem is not None:
                failed(f"PostStartHook failed: {problem}")

        threading.Thread(target=run, name=f"post-start-{target.container['name']}", daemon=True).start()


def before_stop(target: Target, grace: float, then: Callable[[], None]) -> None:
    """Run the preStop hook for at most the grace period, then call `then`; without a hook call it at once."""
    hook: Object | None = dig(target.container, "lifecycle", "preStop")
    if not hook:
        then()
        return

    def run() -> None:
        _perform(hook, target, grace)
        then()

    threading.Thread(target=run, name=f"pre-stop-{target.container['name']}", daemon=True).start()


def _perform(hook: Object, target: Target, limit: float) -> str | None:
    if "sleep" in hook:
        time.sleep(min(limit, float(hook["sleep"]["seconds"])))
        return None
    return probing.ask(target, hook, limit)
