"""Keeps the savepoints that the ledger names: retention of snapshots must not take what a commit can be rolled back to.

A FlinkStateSnapshot whose savepoint a record names gets the annotation `gitsync.io/kept-by: ledger`, which the Flink
half honours; per job the newest ten are kept, older ones are left to retention again. What a schedule took is not
kept: the ledger names it, retention decides.
"""

import threading
from collections.abc import Iterable

from gitsync.model.records import JobRecord, Record
from gitsync.report.outlets import Source
from operator_core.decide.snapshotrecords import KEPT_BY
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

FIELD_MANAGER = "gitsync-status"
LEDGER = "ledger"
KEPT_PER_JOB = 10
_REMEMBERED = 32


class Keeper:
    """An outlet of records; works in a thread of its own."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._named: dict[Key, tuple[str, ...]] = {}
        self._queue = Queue(clock)
        self._loop = Loop("kept-savepoints", self._queue, self.reconcile, workers=1)

    def start(self) -> None:
        """Start working; returns at once."""
        self._loop.start()

    def stop(self, timeout: float) -> None:
        """Stop working."""
        self._loop.stop(timeout)

    def tell(self, source: Source, records: Iterable[Record]) -> None:
        """Keep the savepoints that the records name."""
        for job in (job for record in records for job in record.jobs if job.savepoint and not job.scheduled):
            self._keep(job)

    def removed(self, source: Source) -> None:
        """What an app left stays kept: its state may be wanted again."""

    def reconcile(self, key: Key) -> Outcome:
        """Annotate what is named, and let go of the oldest. Raises kube errors."""
        with self._lock:
            named = self._named.get(key, ())
        labels = f"job-reference.kind={key.kind},job-reference.name={key.name}"
        try:
            found = self._client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, key.namespace, labels=labels))[
                "items"
            ]
        except errors.NotFound:
            return Done()
        kept, free = choice(found, named)
        for name, value in [*((each, LEDGER) for each in kept), *((each, None) for each in free)]:
            self._annotate(key.namespace, name, value)
        return Done()

    def _keep(self, job: JobRecord) -> None:
        key = Key(job.kind, job.namespace, job.name)
        with self._lock:
            known = self._named.get(key, ())
            if job.savepoint in known:
                return
            self._named[key] = (*known, job.savepoint)[-_REMEMBERED:]
        self._queue.add(key)

    def _annotate(self, namespace: str, name: str, value: str | None) -> None:
        body: Object = {"metadata": {"annotations": {KEPT_BY: value}}}
        request = requests.merge_patch(
            requests.FLINK_STATE_SNAPSHOTS, namespace, name, body, field_manager=FIELD_MANAGER
        )
        try:
            self._client.send(request)
        except errors.NotFound:
            return


def choice(snapshots: Iterable[Object], named: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the snapshots to keep from now on, and of those to let go. Others' marks are theirs."""
    paths = frozenset(named)
    wanted = [
        each
        for each in snapshots
        if (mark := _mark(each)) == LEDGER or (not mark and dig(each, "status", "path", default="") in paths)
    ]
    newest_first = sorted(wanted, key=_age, reverse=True)
    keep, let_go = newest_first[:KEPT_PER_JOB], newest_first[KEPT_PER_JOB:]
    return (
        tuple(_name(each) for each in keep if not _mark(each)),
        tuple(_name(each) for each in let_go if _mark(each)),
    )


def _mark(snapshot: Object) -> str:
    return str(dig(snapshot, "metadata", "annotations", KEPT_BY) or "")


def _name(snapshot: Object) -> str:
    return str(snapshot["metadata"]["name"])


def _age(snapshot: Object) -> tuple[str, str]:
    return str(snapshot["metadata"].get("creationTimestamp") or ""), _name(snapshot)
