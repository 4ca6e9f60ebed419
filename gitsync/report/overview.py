"""What people want to know about the apps of a cluster, as rows: each app, each Flink job, each error.

Pure: made from SyncApps and the Flink resources they name, as the API server has them. The same rows
are printed as a table, as JSON and as YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.model import syncapps
from gitsync.model.identities import Identity
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem, ResourceState
from gitsync.plan import flinkhealth, health, phases
from gitsync.report import conditions
from operator_core.jsonvalues import Object, dig


@dataclass(frozen=True, slots=True)
class JobRow:
    """One FlinkDeployment or FlinkSessionJob of an app."""

    kind: str
    namespace: str
    name: str
    state: str
    lifecycle: str
    health: str
    message: str
    parallelism: int | None
    effect: str
    job_id: str
    restored_from: str
    error: str

    def to_json(self) -> Object:
        """For programs; what is not known is left out."""
        return _compact(
            {
                "kind": self.kind,
                "namespace": self.namespace,
                "name": self.name,
                "state": self.state,
                "lifecycle": self.lifecycle,
                "health": self.health,
                "message": self.message,
                "parallelism": self.parallelism,
                "effect": self.effect,
                "jobId": self.job_id,
                "restoredFrom": self.restored_from,
                "error": self.error,
            }
        )


@dataclass(frozen=True, slots=True)
class AppRow:
    """One SyncApp."""

    namespace: str
    name: str
    sync: str
    health: str
    ready: str
    reason: str
    message: str
    revision: str
    attempted: str
    write_back: str
    suspended: str
    """Why, and until when, the app is left alone; empty when it is not."""
    problems: tuple[Problem, ...]
    out_of_sync: tuple[str, ...]
    jobs: tuple[JobRow, ...]

    @property
    def is_fine(self) -> bool:
        """Whether there is nothing to look at."""
        return self.ready == "True"

    def to_json(self) -> Object:
        """For programs; what is not known is left out."""
        return _compact(
            {
                "namespace": self.namespace,
                "name": self.name,
                "sync": self.sync,
                "health": self.health,
                "ready": self.ready == "True",
                "reason": self.reason,
                "message": self.message,
                "revision": self.revision,
                "attemptedRevision": self.attempted,
                "writeBack": self.write_back,
                "suspended": self.suspended,
                "problems": [p.model_dump(by_alias=True, exclude_none=True) for p in self.problems],
                "outOfSync": list(self.out_of_sync),
                "jobs": [job.to_json() for job in self.jobs],
            }
        )


def app_row(app: SyncApp, live: Mapping[Identity, Object], now: datetime) -> AppRow:
    """The row of an app; `live` holds its Flink resources."""
    known = app.status
    told = {condition.type: condition for condition in known.conditions}
    ready, back = told.get("Ready"), told.get("WriteBack")
    jobs = tuple(
        job_row(identity, live.get(identity), resource)
        for resource in known.resources
        if phases.is_job(identity := _identity(resource))
    )
    off = tuple(
        f"{_identity(resource).shown}{': ' + resource.message if resource.message else ''}"
        for resource in known.resources
        if resource.status != "Synced"
    )
    return AppRow(
        namespace=app.namespace,
        name=app.name,
        sync=known.sync.status if known.sync is not None else "Unknown",
        health=known.health.status if known.health is not None else "Unknown",
        ready=ready.status if ready is not None else "Unknown",
        reason=ready.reason if ready is not None else "",
        message=ready.message if ready is not None else "the agent has not looked at it yet",
        revision=(known.sync.revision if known.sync is not None else None) or "",
        attempted=known.attempted_revision or "",
        write_back="" if back is None or back.status == "True" else f"{back.reason}: {back.message}",
        suspended=_suspended(app, now),
        problems=known.problems,
        out_of_sync=off,
        jobs=jobs,
    )


def _suspended(app: SyncApp, now: datetime) -> str:
    if app.suspension is None or not syncapps.is_live(app.suspension.until, now):
        return ""
    until = f" until {app.suspension.until:%Y-%m-%dT%H:%M:%SZ}" if app.suspension.until is not None else ""
    return f"suspended{until}{': ' + app.suspension.reason if app.suspension.reason else ''}"


def job_row(identity: Identity, live: Object | None, resource: ResourceState) -> JobRow:
    """The row of a job; `live` None when it is not in the cluster."""
    verdict = health.assess(live)
    parallelism = dig(live, "spec", "job", "parallelism")
    return JobRow(
        kind=identity.kind,
        namespace=identity.namespace,
        name=identity.name,
        state=str(dig(live, "status", "jobStatus", "state", default="")),
        lifecycle=str(dig(live, "status", "lifecycleState", default="")),
        health=verdict.status if verdict is not None else "",
        message=verdict.message if verdict is not None else "",
        parallelism=int(parallelism) if isinstance(parallelism, int) else None,
        effect=resource.effect or "",
        job_id=str(dig(live, "status", "jobStatus", "jobId", default="")),
        restored_from=str(dig(live, "status", "jobStatus", "upgradeSavepointPath", default="")),
        error=flinkhealth.error_text(live) if live is not None else "",
    )


def findings(row: AppRow) -> list[str]:
    """Everything about an app that needs somebody, one line each."""
    lines = [conditions.problem_text(problem) for problem in row.problems]
    if not lines and (row.suspended or not row.is_fine):
        lines = [row.suspended or row.message]
    lines += [f"{job.kind} {job.namespace}/{job.name}: {job.message}" for job in row.jobs if job.health == "Degraded"]
    lines += [f"not in sync: {text}" for text in row.out_of_sync if not row.problems]
    if row.write_back:
        lines.append(f"records are not written back: {row.write_back}")
    return list(dict.fromkeys(lines))


def _identity(resource: ResourceState) -> Identity:
    return Identity(resource.group, resource.kind, resource.namespace or "", resource.name)


def _compact(value: Object) -> Object:
    return {key: item for key, item in value.items() if item not in ("", None)}
