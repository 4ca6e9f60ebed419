"""Validation of a FlinkStateSnapshot (the Java operator's rules and messages). Looks at no Flink."""

from operator_core.model.flinkstatesnapshots import FlinkStateSnapshotSpec


def problem(spec: FlinkStateSnapshotSpec, namespace: str, *, started: bool, target_exists: bool) -> str | None:
    """What is wrong; `started`: the snapshot was triggered, from where on its target may go."""
    if (spec.savepoint is None) == (spec.checkpoint is None):
        return "Exactly one of checkpoint or savepoint configurations has to be set."
    if spec.savepoint is not None and spec.savepoint.already_exists:
        return (
            None if spec.savepoint.path else "spec.savepoint.path must say where the savepoint that exists already is"
        )
    reference = spec.job_reference
    if reference is None or not reference.kind or not reference.name:
        return "Job reference must be supplied for this snapshot"
    if not started and not target_exists:
        return f"Target for snapshot {namespace}/{reference.name} was not found"
    return None
