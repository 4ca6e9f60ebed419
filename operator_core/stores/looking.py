"""Which complete states lie in the places of a job: folders by prefix, then their `_metadata`, with few requests.

A state's other objects are never listed, nor what other jobs left beside it: the cost grows with the job's own states,
not with the bucket. How a store is asked is in `s3`, whose library is an extra. Decides nothing about states.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from operator_core.conf.s3options import S3Settings
from operator_core.decide.statestores import StorePlace
from operator_core.stores.errors import StoreError

SECONDS = 60.0
MOST = 1000
"""Folders that are looked at in one place."""

State = tuple[str, int]
"""The path of a complete checkpoint or savepoint, and when its metadata was written (epoch ms, the store's clock)."""


class Store(Protocol):
    """What is asked of a store."""

    def folders(self, bucket: str, prefix: str, most: int) -> tuple[str, ...]:
        """Keys of folders that begin with `prefix`, no slash at their ends; at most `most`. Raises StoreError."""
        ...

    def written(self, bucket: str, key: str) -> datetime | None:
        """When an object was written; None where there is none. Raises StoreError."""
        ...


def states(settings: S3Settings, places: Iterable[StorePlace], seconds: float = SECONDS) -> tuple[State, ...]:
    """The states in the places; without keys in the settings the agent's own are used. Raises StoreError."""
    try:
        from operator_core.stores import s3
    except ImportError as error:
        raise StoreError("the package minio is not installed where the agent runs: install gitsync[s3]") from error
    return in_store(s3.S3Store(settings, seconds), places)


def in_store(store: Store, places: Iterable[StorePlace]) -> tuple[State, ...]:
    """The states that a store has in the places. Raises StoreError."""
    found: dict[str, int] = {}
    for place in places:
        own = store.folders(place.bucket, place.prefix, MOST + 1)
        if len(own) > MOST:
            raise StoreError(f"{place} holds more than {MOST} {place.begins}… folders of this job; remove old ones")
        for folder in dict.fromkeys((*own, *place.known)):
            moment = store.written(place.bucket, f"{folder}/_metadata")
            if moment is not None:
                found[place.url(folder)] = int(moment.timestamp() * 1000)
    return tuple(found.items())
