"""A local port that leads to a Service, pod or Deployment inside a sandbox.

The listening socket is made out here and handed to a relay in there (a socket keeps the network namespace it
was made in). The relay lives in the sandbox's process namespace, so it ends with the sandbox; its standard
input is a pipe from here, so it ends with this command as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType

from gitsync.sandbox import errors, isolation, namespaces, ports
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.states import State

KINDS = {
    "svc": "service",
    "service": "service",
    "services": "service",
    "po": "pod",
    "pod": "pod",
    "pods": "pod",
    "deploy": "deployment",
    "deployment": "deployment",
    "deployments": "deployment",
}
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Target:
    """What to reach: `kind` service, pod or deployment; `remote` a port's number or name; `local` 0 for any."""

    kind: str
    namespace: str
    name: str
    remote: str
    local: int


def parse(target: str, mapping: str, namespace: str) -> Target:
    """Read `svc/NAME` and `[LOCAL:]REMOTE`. Raises SandboxError naming what is wrong."""
    word, slash, name = target.partition("/")
    kind, name = (KINDS.get(word), name) if slash else ("pod", word)
    if kind is None or NAME.fullmatch(name) is None:
        raise errors.SandboxError(f"`{target}` is no svc/NAME, pod/NAME or deploy/NAME")
    first, colon, second = mapping.partition(":")
    remote = second if colon else first
    local = first or "0" if colon else (remote if remote.isdigit() else "0")
    valid = local.isdigit() and int(local) < 65536 and re.fullmatch(r"[a-z0-9-]{1,15}", remote)
    if not valid or (remote.isdigit() and not 0 < int(remote) < 65536):
        raise errors.SandboxError(f"`{mapping}` is no [LOCAL:]REMOTE port; REMOTE may be a port's name")
    return Target(kind, namespace, name, remote, int(local))


class Forward:
    """A running relay on `port`; ends with the `with` block."""

    def __init__(self, layout: Layout, state: State, target: Target) -> None:
        self._layout = layout
        try:
            listener = ports.listen_at(target.local)
        except OSError as error:
            raise errors.SandboxError(
                f"port {target.local} on localhost: {error.strerror}; give LOCAL:REMOTE"
            ) from error
        with listener:
            self.port: int = listener.getsockname()[1]
            command = [*isolation.of(state).enter_command(layout, state), sys.executable, "-m", "gitsync.sandbox.relay"]
            command += [str(layout.kubeconfig_inside), str(listener.fileno())]
            command += [target.kind, target.namespace, target.name, target.remote, state.isolation]
            self._relay = subprocess.Popen(
                command, env=namespaces.environment(), stdin=subprocess.PIPE, pass_fds=(listener.fileno(),)
            )

    def wait(self) -> None:
        """Until the relay ends by itself, which is an error."""
        code = self._relay.wait()
        raise errors.SandboxError(f"the sandbox in {self._layout.dir} has stopped (relay ended with {code})")

    def __enter__(self) -> Forward:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._relay.stdin is not None
        self._relay.stdin.close()
        self._relay.wait()
