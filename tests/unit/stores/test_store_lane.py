"""The lane that lists stores: what it knows while it lists, after failures, and whose credentials it takes."""

import base64
import queue
from collections.abc import Iterator

import pytest

from operator_core.conf.s3options import Keys, S3Settings
from operator_core.controllers import storework
from operator_core.controllers.storelane import StoreLane
from operator_core.controllers.storework import Work
from operator_core.decide.facts import Listing
from operator_core.decide.statestores import StorePlace
from operator_core.jsonvalues import Object
from operator_core.kube import errors
from operator_core.kube.requests import Request
from operator_core.runtime.clock import SystemClock
from operator_core.stores.errors import StoreError
from operator_core.stores.looking import State

PLACE = StorePlace("s3", "b", "sp", "savepoint-000000-")
KEYS = S3Settings(keys=Keys("a", "b"))
FOUND = (("s3://b/sp/savepoint-000000-1", 5),)
DEADLINE = 60.0


class Api:
    """Secrets of the namespace `ns`; one of them nobody may read."""

    def send(self, request: Request) -> Object:
        name = request.path.rpartition("/")[2]
        if name == "forbidden":
            raise errors.Forbidden(403, "get secrets: forbidden")
        if request.path != "/api/v1/namespaces/ns/secrets/keys":
            raise errors.NotFound(404, f"{name} is not there")
        held = {"id": "of the pod", "key": "secret of the pod", "AWS_REGION": "eu-west-1"}
        return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}}


class Scene:
    """A lane whose store answers what the test puts into `answers`."""

    def __init__(self) -> None:
        self.answers: queue.Queue[tuple[State, ...] | Exception] = queue.Queue()
        self.woken: queue.Queue[tuple[str, str]] = queue.Queue()
        self.lane = StoreLane(SystemClock(), Api(), lambda *key: self.woken.put(key), self._look)

    def _look(self, settings: S3Settings, places: tuple[StorePlace, ...]) -> tuple[State, ...]:
        answer = self.answers.get(timeout=DEADLINE)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def begin(self, purpose: str = "r1") -> None:
        self.lane.begin("ns", "app", Work(purpose, (PLACE,), KEYS, {}))

    def ended(self) -> Listing | None:
        assert self.woken.get(timeout=DEADLINE) == ("ns", "app")
        return self.lane.known("ns", "app")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    made.lane.start()
    yield made
    made.lane.stop(DEADLINE)


def test_a_listing_goes_on_beside_the_passes(scene: Scene) -> None:
    assert scene.lane.known("ns", "app") is None
    scene.begin()
    assert scene.lane.known("ns", "app") == Listing("r1", "pending")
    scene.answers.put(FOUND)
    assert scene.ended() == Listing("r1", "done", FOUND)
    scene.lane.forget("ns", "app")
    assert scene.lane.known("ns", "app") is None


def test_a_failure_is_told_until_the_next_try_ended(scene: Scene) -> None:
    scene.begin()
    scene.answers.put(StoreError("bucket b: access is denied"))
    failed = scene.ended()
    assert failed is not None and (failed.state, failed.cause) == ("failed", "bucket b: access is denied")
    scene.begin()
    again = scene.lane.known("ns", "app")
    assert again is not None and again.state == "failed" and again.ended >= failed.ended > 0
    scene.answers.put(FOUND)
    assert scene.ended() == Listing("r1", "done", FOUND)


def test_what_nobody_foresaw_is_told_without_its_words(scene: Scene) -> None:
    scene.begin()
    scene.answers.put(RuntimeError("secret of the pod"))
    failed = scene.ended()
    assert failed is not None and failed.cause == "listing failed: RuntimeError; see the agent's log"


def test_a_listing_for_another_purpose_takes_the_place(scene: Scene) -> None:
    scene.begin("r1")
    scene.begin("r2")
    scene.answers.put(())
    scene.answers.put(FOUND)
    listing = scene.ended()
    assert listing is not None and listing.purpose == "r2"


def _container(*env: tuple[str, str, str]) -> Object:
    return {
        "env": [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}} for name, secret, key in env
        ]
    }


def _access(settings: S3Settings, container: Object, *endpoints: str) -> S3Settings:
    return storework.access(Api(), "ns", Work("r1", (PLACE,), settings, container, (None, *endpoints)))


POD = _container(("AWS_ACCESS_KEY_ID", "keys", "id"), ("AWS_SECRET_ACCESS_KEY", "keys", "key"))
ELSEWHERE = "https://s3.example.org"


def test_the_keys_of_the_configuration_come_first() -> None:
    assert _access(S3Settings(ELSEWHERE, keys=KEYS.keys), POD).keys == KEYS.keys


def test_then_those_of_the_pods() -> None:
    taken = _access(S3Settings(ELSEWHERE), {**POD, "envFrom": [{"secretRef": {"name": "keys"}}]})
    assert taken == S3Settings(ELSEWHERE, "eu-west-1", None, Keys("of the pod", "secret of the pod"))


def test_the_agents_own_go_to_aws_and_where_its_configuration_says() -> None:
    assert _access(S3Settings(), {}).keys is None
    assert _access(S3Settings("https://s3.eu-west-1.amazonaws.com"), {}).keys is None
    assert _access(S3Settings(ELSEWHERE), {}, ELSEWHERE).keys is None
    with pytest.raises(StoreError, match=r"no credentials for https://s3.example.org"):
        _access(S3Settings(ELSEWHERE), {})


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (("AWS_ACCESS_KEY_ID", "forbidden", "id"), "the Secret ns/forbidden of the pod template cannot be read"),
        (("AWS_ACCESS_KEY_ID", "absent", "id"), "AWS_ACCESS_KEY_ID of the pod template has no value"),
        (("AWS_SECRET_ACCESS_KEY", "keys", "absent"), "AWS_SECRET_ACCESS_KEY of the pod template"),
    ],
)
def test_keys_that_the_pods_should_have_and_nobody_can_read(env: tuple[str, str, str], expected: str) -> None:
    with pytest.raises(StoreError, match=expected):
        _access(S3Settings(), _container(env))
