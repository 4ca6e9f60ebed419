"""Where a job's states lie in S3-compatible stores: which folders are looked at, how paths there are compared.

A folder that begins as those of the job, or that something recorded, is a state once it holds `_metadata`; what other
jobs left beside it is never asked for, so that a large bucket costs little. Reads nothing itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from operator_core.conf import options, s3options
from operator_core.jsonvalues import Object


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Folders of `bucket` directly below `directory` (a key without slashes at its ends; "" is the top).

    Looked at are those whose names begin with `begins` and those whose keys are `known`.
    """

    scheme: str
    bucket: str
    directory: str
    begins: str
    known: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """How the keys of the job's own folders begin."""
        return f"{self.directory}/{self.begins}" if self.directory else self.begins

    def url(self, folder: str) -> str:
        """The path of a folder's key, as Flink is told it."""
        return f"{self.scheme}://{self.bucket}/{folder}"

    def __str__(self) -> str:
        return self.url(self.directory)


@dataclass(frozen=True, slots=True)
class ListStores:
    """The decision to have a lane list the job's states in stores, as a cluster of this spec could reach them."""

    spec: Object
    places: tuple[StorePlace, ...]
    purpose: str


def places(
    job_id: str, conf: Mapping[str, str], last_conf: Mapping[str, str], known: Iterable[str]
) -> tuple[StorePlace, ...]:
    """The places of a job's checkpoints and savepoints; `known` are paths of states that are recorded."""
    recorded = tuple(known)
    found = [_place(last_conf, options.get(last_conf, options.CHECKPOINT_DIR), f"/{job_id}", "chk-", recorded)]
    for each in (conf, last_conf):
        savepoints = options.get(each, options.SAVEPOINT_DIR)
        found.append(_place(each, savepoints, "", f"savepoint-{job_id[:6]}-", recorded))
    return tuple(dict.fromkeys(place for place in found if place is not None))


def plain(path: str) -> str | None:
    """The one spelling of a path in such a store, whichever plugin reads it; None for every other path."""
    split = _split(path)
    return f"s3://{split[1]}/{split[2]}" if split is not None else None


def _place(
    conf: Mapping[str, str], directory: str | None, below: str, begins: str, known: tuple[str, ...]
) -> StorePlace | None:
    split = _split(s3options.without_entropy(conf, directory) + below) if directory else None
    if split is None:
        return None
    scheme, bucket, key = split
    recorded = (_split(path) for path in known)
    folders = (each[2] for each in recorded if each is not None and each[1] == bucket)
    return StorePlace(scheme, bucket, key, begins, tuple(folder for folder in folders if _parent(folder) == key))


def _split(path: str) -> tuple[str, str, str] | None:
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme.lower() not in s3options.SCHEMES or not bucket:
        return None
    return scheme.lower(), bucket, "/".join(part for part in key.split("/") if part)


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]
