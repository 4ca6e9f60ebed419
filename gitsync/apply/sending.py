"""One object as a server-side apply, as the agent makes it and as a preview asks what it would do.

What the API server refuses only because of how an apply works is sent in another form: without the maps that a commit
empties, and without fields that no schema knows where the object's sync options say Validate=false. Which form that
is, is decided in `plan.emptied` and `plan.undeclared`; how a request is made is the caller's.
"""

from collections.abc import Callable
from dataclasses import replace

from gitsync.model.plans import Desired, Step, Update
from gitsync.plan import emptied, undeclared
from gitsync.plan.diffing import FIELD_MANAGER
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.requests import Request

Send = Callable[[Desired], Object]
"""Applies an object; the API server's answer. Raises kube errors."""


def strict_apply(desired: Desired, *, dry_run: bool = False) -> Request:
    """Server-side apply that refuses fields the schema does not know, as `kubectl apply` does."""
    request = requests.apply(desired.resource, desired.body, field_manager=FIELD_MANAGER, dry_run=dry_run)
    return replace(request, query=(*request.query, ("fieldValidation", "Strict" if desired.validate else "Ignore")))


def whole(send: Send, step: Step, desired: Desired, *, dry_run: bool = False) -> Object:
    """The answer to an apply of `desired`; a map that it empties is left out first where the API server refuses it.

    Where an empty map may mean something, a second apply brings it; a dry run, which leaves nothing to build on, does
    without. Raises kube errors.
    """
    try:
        return tolerant(send, desired)
    except errors.Invalid:
        gone = emptied.paths(desired.body, step.differences if isinstance(step, Update) else ())
        if not gone:
            raise
    answer = tolerant(send, replace(desired, body=emptied.left_out(desired.body, gone)))
    return answer if dry_run or emptied.means_nothing(desired.identity) else tolerant(send, desired)


def tolerant(send: Send, desired: Desired) -> Object:
    """The answer to an apply; where nothing is to be validated, without the fields that no schema knows.

    Raises kube errors.
    """
    for _ in range(0 if desired.validate else undeclared.MOST):
        try:
            return send(desired)
        except errors.Invalid as error:
            body = undeclared.left_out(desired.body, undeclared.named(error.body))
            if body == desired.body:
                raise
            desired = replace(desired, body=body)
    return send(desired)
