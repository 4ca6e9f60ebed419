"""The root app where the cluster's definitions are missing or an older agent's: the message says what to run."""

import pytest

from gitsync.apply import rootapps
from gitsync.settings import Settings
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import errors
from operator_core.kube.requests import Request

OLDER = (
    b'{"kind":"Status","code":500,"message":"failed to create typed patch object (gitsync-system/root; '
    b'gitsync.io/v1alpha1, Kind=SyncApp): .spec.source.directory.detect: field not declared in schema"}'
)


class Refusing:
    """An API server that answers every apply the same way."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = (status, body)

    def send(self, request: Request) -> Object:
        if request.path.endswith("/namespaces"):
            return {}
        raise errors.from_answer(*self.answer)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, OLDER, r"not of this version of gitsync \(.spec.source.directory.detect: .*\): run `gitsync install`"),
        (404, b"404 page not found\n", "does not know SyncApps: run `gitsync install`"),
    ],
)
def test_what_the_cluster_does_not_know_is_installed(status: int, body: bytes, told: str) -> None:
    with pytest.raises(Stalled, match=told):
        rootapps.ensure(Refusing(status, body), Settings(repo="https://example.org/r.git"))  # type: ignore[arg-type]


def test_other_refusals_stay_what_they_are() -> None:
    with pytest.raises(errors.Invalid, match="too long"):
        rootapps.ensure(Refusing(422, b'{"message": "name is too long"}'), Settings(repo="x"))  # type: ignore[arg-type]
