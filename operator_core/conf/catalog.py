"""Every `kubernetes.operator.*` key of the Java operator: whether it means something here, and why not where not.

`python -m operator_core.conf.catalog [FILE]` writes the table into docs/configuration.md. Says nothing about how an
option is read; that a supported one really is read is checked by a test. Source: the operator's configuration page.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

BEGIN: Final = "<!-- options: written by `make docs`, from operator_core/conf/catalog.py -->"
END: Final = "<!-- end of options -->"

State = Literal["supported", "elsewhere", "not"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`key` without its prefix; `scope` R: also in a resource; `note`: what stands for it here, or why nothing does."""

    key: str
    default: str
    scope: Literal["O", "R"]
    state: State
    note: str = ""


def _rows(scope: Literal["O", "R"], state: State, rows: str) -> tuple[Entry, ...]:
    """One entry per line: key | default | note."""
    made = []
    for line in rows.strip().splitlines():
        key, default, note = (part.strip() for part in line.split("|"))
        made.append(Entry(key, default, scope, state, note))
    return tuple(made)


ENTRIES: Final[tuple[Entry, ...]] = (
    *_rows(
        "R",
        "supported",
        """
        checkpoint.trigger.grace-period | 1 min |
        checkpoint.type | FULL |
        cluster.health-check.checkpoint-progress.enabled | true |
        cluster.health-check.checkpoint-progress.window | |
        cluster.health-check.enabled | false |
        cluster.health-check.restarts.threshold | 64 |
        cluster.health-check.restarts.window | 2 min |
        deployment.readiness.timeout | 5 min |
        deployment.rollback.enabled | false |
        exception.label.mapper | |
        jm-deployment-recovery.enabled | true |
        jm-deployment.shutdown-ttl | 1 d |
        jm-deployment.startup.probe.enabled | true |
        job.drain-on-savepoint-deletion | false |
        job.restart.failed | false |
        job.savepoint-on-deletion | false |
        job.upgrade.ignore-pending-savepoint | false |
        job.upgrade.inplace-scaling.enabled | true |
        job.upgrade.last-state-fallback.enabled | true |
        job.upgrade.last-state.job-cancel.enabled | false |
        job.upgrade.last-state.max.allowed.checkpoint.age | |
        periodic.checkpoint.interval | | a duration, or a Quartz cron expression
        periodic.savepoint.interval | | a duration, or a Quartz cron expression
        periodic.time-zone | UTC | of gitsync: the zone that cron expressions mean
        pod-template.merge-arrays-by-name | false |
        savepoint.cleanup.enabled | true |
        savepoint.dispose-on-delete | false |
        savepoint.format.type | CANONICAL |
        savepoint.history.max.age | 24 h |
        savepoint.history.max.count | 10 |
        savepoint.trigger.grace-period | 1 min |
        session.deletion.block-on-session-jobs | true |
        session.deletion.block-on-unmanaged-jobs | true |
        snapshot.resource.enabled | true |
        user.artifacts.http.header | |
        """,
    ),
    *_rows(
        "O",
        "supported",
        """
        default-configuration.flink-version.VERSION.KEY | | VERSION as v1_20, or v1_20+ for it and all newer ones
        default-configuration.namespace.NAMESPACE.KEY | |
        events.exceptions.limit-per-reconciliation | 10 |
        events.exceptions.stacktrace-lines | 5 |
        exception.field.max.length | 2048 |
        exception.stacktrace.enabled | false |
        exception.stacktrace.max.length | 2048 |
        exception.throwable.list.max.count | 2 |
        ingress.manage | true |
        job.submission.timeout | 10 min |
        label.selector | | other resources are left alone, deletions of them too
        leader-election.lease-name | flink-operator-lease | the Lease by which a running Java operator is recognised
        savepoint.history.max.age.threshold | |
        savepoint.history.max.count.threshold | |
        user.artifacts.allowed-schemes | https |
        user.artifacts.disallow-restricted-hosts | true |
        user.artifacts.local-dir | | of gitsync: the one directory below which `file:` jars of session jobs may be
        user.artifacts.max-size | 512 mb | of gitsync: the largest jar that is fetched
        """,
    ),
    *_rows(
        "O",
        "elsewhere",
        """
        dynamic.config.check.interval | 5 min | the settings file is looked at every two seconds
        dynamic.config.enabled | true | always, where there is a settings file (`run --config`)
        dynamic.namespaces.enabled | false | always: `watchNamespaces` in the settings file
        health.probe.enabled | true | `probePort`
        health.probe.port | 8085 | `probePort`
        leader-election.enabled | false | always, by the Leases `gitsync-sync` and `gitsync-operator`
        leader-election.lease-duration | 15 s | fixed at 15 s
        leader-election.renew-deadline | 10 s | fixed at 10 s
        leader-election.retry-period | 2 s | fixed at 1 to 4 s
        watched.namespaces | JOSDK_ALL_NAMESPACES | `watchNamespaces`
        """,
    ),
    *_rows(
        "R",
        "not",
        """
        plugins.listeners.NAME.class | | the operator's listeners are Java classes
        """,
    ),
    *_rows(
        "O",
        "not",
        """
        cluster.resource-view.refresh-interval | -1 min | belongs to the autoscaler
        config.cache.size | 1000 | what is remembered is dropped when it changes
        config.cache.timeout | 10 min | what is remembered is dropped when it changes
        flink.client.cancel.timeout | 1 min | a cancellation is asked for once and then watched
        flink.client.timeout | 10 s | one second to connect and three to read, so that no pass waits
        health.canary.resource.timeout | 1 min | there are no canary resources yet
        josdk.metrics.enabled | true | metrics of the Java operator's framework
        jvm.metrics.enabled | true | there is no JVM
        kubernetes.client.metrics.enabled | true | requests to the API server are always counted
        kubernetes.client.metrics.http.response.code.groups.enabled | false | metrics of the Java client
        kubernetes.client.metrics.slow.request.threshold | 5 s | metrics of the Java client
        metrics.histogram.sample.size | 1000 | Flink's metric system, which is Java
        metrics.reporter.NAME.KEY | | Flink's metric reporters are Java classes; `/metrics` serves Prometheus
        metrics.scope.k8soperator.resource | | Flink's metric system, which is Java
        metrics.scope.k8soperator.resourcens | | Flink's metric system, which is Java
        metrics.scope.k8soperator.system | | Flink's metric system, which is Java
        observer.progress-check.interval | 10 s | what a watch tells is not polled; Flink is asked every 0.5 s to 15 s
        observer.rest-ready.delay | 10 s | Flink is asked as soon as its endpoint is ready
        rate-limiter.limit | 5 | passes are cheap, and errors back off
        rate-limiter.refresh-period | 15 s | passes are cheap, and errors back off
        reconcile.interval | 60 s | every 60 s or so where nothing wakes a resource before
        reconcile.parallelism | 50 | eight workers, none of which waits
        resource.cleanup.timeout | 5 min | a deletion is watched for as long as it takes
        resource.deletion.propagation | Foreground | always in the foreground: nothing of the old cluster runs on
        resource.lifecycle.metrics.enabled | true | not yet
        resource.lifecycle.namespace.histograms.enabled | true | not yet
        resource.metrics.enabled | true | not yet
        retry.initial.interval | 5 s | from 1 s, half as long again each time, up to a minute
        retry.interval.multiplier | 1.5 | fixed
        retry.max.attempts | 15 | no limit: what cannot heal by itself is not tried again, what can is
        retry.max.interval | | one minute
        startup.stop-on-informer-error | true | a namespace that cannot be watched is said and tried again
        termination.timeout | 10 s | fixed at 20 s
        user.artifacts.base.dir | /opt/flink/artifacts | jars pass through the agent without a file of their own
        """,
    ),
)

_STATES: Final = {"supported": "yes", "elsewhere": "by a setting", "not": "no"}


def table() -> str:
    """All of it as Markdown, by key."""
    lines = ["| key | default | in a resource | supported | |", "|---|---|---|---|---|"]
    for one in sorted(ENTRIES, key=lambda entry: entry.key):
        default = f"`{one.default}`" if one.default else ""
        inside = "yes" if one.scope == "R" else ""
        lines.append(f"| `{one.key}` | {default} | {inside} | {_STATES[one.state]} | {one.note} |")
    return "\n".join(lines)


def written(text: str) -> str:
    """A page with the table between its marks as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main(arguments: list[str]) -> None:
    page = Path(arguments[0]) if arguments else Path(__file__).parents[2] / "docs" / "configuration.md"
    page.write_text(written(page.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
