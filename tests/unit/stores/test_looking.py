"""Which folders of a store are looked at, and that nothing else is asked for."""

from datetime import UTC, datetime

import pytest

from operator_core.decide.statestores import StorePlace
from operator_core.stores import looking
from operator_core.stores.errors import StoreError

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MS = int(AT.timestamp() * 1000)
CHECKPOINTS = StorePlace("s3a", "b", "cp/job", "chk-")


class Bucket:
    """A store that holds folders with metadata, and counts what it is asked."""

    def __init__(self, *complete: str, incomplete: tuple[str, ...] = ()) -> None:
        self.complete = complete
        self.incomplete = incomplete
        self.asked: list[str] = []

    def folders(self, bucket: str, prefix: str, most: int) -> tuple[str, ...]:
        self.asked.append(prefix)
        return tuple(key for key in (*self.complete, *self.incomplete) if key.startswith(prefix))[:most]

    def written(self, bucket: str, key: str) -> datetime | None:
        self.asked.append(key)
        return AT if key.removesuffix("/_metadata") in self.complete else None


def test_states_are_folders_with_metadata() -> None:
    store = Bucket("cp/job/chk-7", "cp/other/chk-9", incomplete=("cp/job/chk-8",))
    assert looking.in_store(store, (CHECKPOINTS,)) == (("s3a://b/cp/job/chk-7", MS),)
    assert store.asked == ["cp/job/chk-", "cp/job/chk-7/_metadata", "cp/job/chk-8/_metadata"]


def test_what_is_recorded_is_looked_at_by_name() -> None:
    place = StorePlace("s3", "b", "", "savepoint-000000-", known=("mine", "gone"))
    store = Bucket("mine", "savepoint-000000-a", "savepoint-ffffff-b")
    assert dict(looking.in_store(store, (place,))) == {"s3://b/mine": MS, "s3://b/savepoint-000000-a": MS}


def test_too_many_states_are_said_to_be() -> None:
    store = Bucket(*(f"cp/job/chk-{number}" for number in range(looking.MOST + 1)))
    with pytest.raises(StoreError, match=r"s3a://b/cp/job holds more than 1000"):
        looking.in_store(store, (CHECKPOINTS,))
    assert len(store.asked) == 1
