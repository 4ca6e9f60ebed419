"""Makes and deletes the objects of hooks.

A run's object is applied like any other, so that making it twice makes it once. What the API server refuses is a
problem with its place in Git. Decides nothing.
"""

import contextlib
from collections.abc import Callable

from gitsync.apply import applying, sending
from gitsync.model.identities import Identity
from gitsync.model.syncstatuses import Problem
from gitsync.plan.hooks import Run
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource


class HookRuns:
    """Sends the writes of hooks. Safe to share between threads."""

    def __init__(self, client: Client, observed: Callable[[Resource, Object], None]) -> None:
        self._client = client
        self._observed = observed

    def make(self, run: Run) -> Problem | None:
        """Make the object; the refusal with its place. Raises what the API server's loss raises."""
        try:
            answer = sending.tolerant(lambda form: self._client.send(sending.strict_apply(form)), run.desired)
        except (errors.Unreachable, errors.TooManyRequests, errors.ServerError):
            raise
        except AgentError as error:
            return applying.problem_of(run.desired, error)
        self._observed(run.desired.resource, answer)
        return None

    def delete(self, identity: Identity, resource: Resource) -> None:
        """Delete the object of a run, with what it made."""
        with contextlib.suppress(errors.NotFound):
            self._client.send(requests.delete(resource, identity.namespace or None, identity.name))
