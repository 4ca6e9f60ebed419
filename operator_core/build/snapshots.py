"""FlinkStateSnapshots as the Java operator makes them: names, labels, fields.

One place for every snapshot the operator asks for or records: manual, periodic, of an upgrade, of a deletion. They
have no owner, so that they outlive the job. Sends nothing.
"""

from operator_core.decide.decisions import NewSnapshot
from operator_core.decide.snapshotrecords import KEPT_BY, name_of
from operator_core.jsonvalues import Object
from operator_core.model import flinkstatesnapshots, resources

_LABEL_LIMIT = 63


def build(kind: str, name: str, namespace: str, snapshot: NewSnapshot) -> Object:
    """The resource for a snapshot of the job `kind`/`name`."""
    meta: Object = {
        "name": name_of(name, snapshot),
        "namespace": namespace,
        "labels": labels(kind, name, snapshot.kind, snapshot.trigger),
        "finalizers": [flinkstatesnapshots.FINALIZER],
    }
    if snapshot.kept_by:
        meta["annotations"] = {KEPT_BY: snapshot.kept_by}
    spec: Object = {"backoffLimit": 0, "jobReference": {"kind": kind, "name": name}}
    if snapshot.kind == "checkpoint":
        spec["checkpoint"] = {}
    else:
        spec["savepoint"] = {
            "alreadyExists": snapshot.already_exists,
            "disposeOnDelete": snapshot.dispose_on_delete,
            "formatType": snapshot.format_type,
            **({"path": snapshot.path} if snapshot.path else {}),
        }
    return {
        "apiVersion": resources.API_VERSION,
        "kind": flinkstatesnapshots.KIND,
        "metadata": meta,
        "spec": spec,
    }


def labels(kind: str, name: str, snapshot: str, trigger: str, state: str | None = None) -> dict[str, str]:
    """The labels people select snapshots by; a name that no label value can hold is left out."""
    found = {
        "job-reference.kind": kind,
        "job-reference.name": name,
        "snapshot.trigger-type": trigger,
        "snapshot.type": snapshot.upper(),
    }
    if state is not None:
        found["snapshot.state"] = state
    return {key: value for key, value in found.items() if len(value) <= _LABEL_LIMIT}
