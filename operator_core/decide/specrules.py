"""Validation rules about the spec's own fields: identity, version, mode, ingress, logging, job, change.

Each yields one sentence per finding: field, what is wrong, what to do.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from operator_core.conf import options
from operator_core.decide.candidates import Candidate
from operator_core.model import flinkversions
from operator_core.model.jobs import JobSpec

_CLUSTER_ID: Final = re.compile(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?")
_HOST: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LOG_FILES: Final = ("log4j-console.properties", "logback-console.xml")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_JAR_EXAMPLE: Final = "local:///opt/flink/usrlib/job.jar"


def name_is_a_cluster_id(candidate: Candidate) -> Iterator[str]:
    name = candidate.deployment.metadata.name
    if not _CLUSTER_ID.fullmatch(name):
        yield (
            f"metadata.name: {name!r} cannot be a Flink cluster id; use at most 45 lower-case letters, digits and "
            "'-', beginning with a letter and ending with a letter or digit"
        )


def version_is_supported(candidate: Candidate) -> Iterator[str]:
    version, oldest, current = candidate.version, flinkversions.OLDEST_SUPPORTED, flinkversions.OLDEST_CURRENT
    if version is None:
        yield "spec.flinkVersion is missing; set the version of the image, for instance v1_20 or v2_0"
        return
    if version < oldest:
        yield (
            f"spec.flinkVersion: {version} is not supported (the oldest is {oldest}); move the job to Flink {current} "
            "or newer"
        )
    was = candidate.last_value("flinkVersion")
    job = candidate.spec.job
    if (
        was is not None
        and was != str(version)
        and candidate.last_value("job", "state") == "suspended"
        and candidate.last_value("job", "upgradeMode") == "last-state"
        and (job is None or job.upgrade_mode != "stateless")
    ):
        yield (
            f"spec.flinkVersion: cannot change from {was} to {version} while the job is suspended with last-state; "
            f"resume it on {was} first and upgrade with a savepoint, or set spec.job.upgradeMode to stateless"
        )


def ingress_is_usable(candidate: Candidate) -> Iterator[str]:
    ingress = candidate.spec.ingress
    if ingress is None:
        return
    if not ingress.template:
        yield "spec.ingress.template is missing; set it, for instance {{name}}.{{namespace}}.example.com"
        return
    meta = candidate.deployment.metadata
    rendered = re.sub(r"\{\{name}}", meta.name, ingress.template, flags=re.IGNORECASE)
    rendered = re.sub(r"\{\{namespace}}", meta.namespace, rendered, flags=re.IGNORECASE)
    url = url_of(rendered if "://" in rendered else f"http://{rendered}")
    if url is None or (url.hostname and not _HOST.fullmatch(url.hostname)) or re.search(r"\s", rendered):
        yield f"spec.ingress.template: {rendered!r} is not a host with an optional path; write host[/path]"


def log_files_are_known(candidate: Candidate) -> Iterator[str]:
    for name in candidate.spec.log_configuration or {}:
        if name not in _LOG_FILES:
            yield f"spec.logConfiguration[{name}] is not a file Flink reads; use {' or '.join(_LOG_FILES)}"


def job_can_start(candidate: Candidate) -> Iterator[str]:
    spec = candidate.spec
    if spec.image_pull_policy is not None and spec.image_pull_policy not in _PULL_POLICIES:
        yield f"spec.imagePullPolicy: {spec.image_pull_policy!r} is unknown; use {', '.join(_PULL_POLICIES)}"
    if spec.job is None:
        return
    has_replicas = spec.task_manager is not None and spec.task_manager.replicas is not None
    if not has_replicas and spec.job.parallelism < 1:
        yield f"spec.job.parallelism must be at least 1 (it is {spec.job.parallelism or 'not set'}); set it"
    if options.get_int(candidate.conf, options.TASK_SLOTS) < 1:
        yield f"spec.flinkConfiguration[{options.TASK_SLOTS.key}] must be at least 1; set it"
    yield from _jar(spec.job)


def _jar(job: JobSpec) -> Iterator[str]:
    if not job.jar_uri:
        yield f"spec.job.jarURI is missing; set the job's jar inside the image, for instance {_JAR_EXAMPLE}"
        return
    url = url_of(job.jar_uri)
    if url is None or re.search(r"[\s<>\"{}|\\^`]", job.jar_uri):
        yield f"spec.job.jarURI: {job.jar_uri!r} is not a valid URI; write for instance {_JAR_EXAMPLE} (spaces as %20)"
    elif not url.scheme:
        yield f"spec.job.jarURI: {job.jar_uri!r} has no scheme; for a file in the image write {_JAR_EXAMPLE}"
    elif not url.path.strip("/"):
        yield f"spec.job.jarURI: {job.jar_uri!r} names no file; write for instance {_JAR_EXAMPLE}"


def state_can_be_kept(candidate: Candidate) -> Iterator[str]:
    """Directories that upgrades and snapshots need (names are those the Flink version prefers)."""
    conf, where = candidate.conf, "in spec.flinkConfiguration"
    if candidate.spec.job is not None:
        yield from directories_for_state(candidate.spec.job, conf, where)
        if options.is_set(conf, options.MAX_CHECKPOINT_AGE) and not options.is_set(conf, options.SAVEPOINT_DIR):
            yield _savepoint_directory(f"spec.flinkConfiguration[{options.MAX_CHECKPOINT_AGE.key}]", where)


def directories_for_state(job: JobSpec, conf: Mapping[str, str], where: str) -> Iterator[str]:
    """What a job asks for that needs a directory which is not set; `where` says where it can be."""
    if job.upgrade_mode != "stateless" and not options.is_set(conf, options.CHECKPOINT_DIR):
        yield (
            f"spec.job.upgradeMode: {job.upgrade_mode} needs a checkpoint directory; set "
            f"{options.CHECKPOINT_DIR.key} {where}"
        )
    if options.is_set(conf, options.SAVEPOINT_DIR):
        return
    asking = {
        "spec.job.upgradeMode: savepoint": job.upgrade_mode == "savepoint",
        "spec.job.savepointTriggerNonce": job.savepoint_trigger_nonce is not None,
        f"spec.flinkConfiguration[{options.PERIODIC_SAVEPOINT_INTERVAL.key}]": options.is_set(
            conf, options.PERIODIC_SAVEPOINT_INTERVAL
        ),
    }
    yield from (_savepoint_directory(field, where) for field, is_asked in asking.items() if is_asked)


def _savepoint_directory(field: str, where: str) -> str:
    return f"{field} needs a savepoint directory; set {options.SAVEPOINT_DIR.key} {where}"


def change_is_possible(candidate: Candidate) -> Iterator[str]:
    if candidate.last is None:
        return
    spec = candidate.spec
    was_application, is_application = candidate.last_value("job") is not None, spec.job is not None
    if was_application != is_application:
        before, after = ("an application", "a session") if was_application else ("a session", "an application")
        yield f"spec.job: {before} cluster cannot become {after} cluster; make a new FlinkDeployment for it"
    was_mode, mode = candidate.last_value("mode") or "native", spec.mode or "native"
    if was_mode != mode:
        yield f"spec.mode cannot change from {was_mode} to {mode}; make a new FlinkDeployment for it"
    nonce = spec.job.savepoint_redeploy_nonce if spec.job else None
    if (
        spec.job is not None
        and nonce is not None
        and nonce != candidate.last_value("job", "savepointRedeployNonce")
        and not spec.job.initial_savepoint_path
    ):
        yield (
            "spec.job.savepointRedeployNonce redeploys from spec.job.initialSavepointPath, which is missing; "
            "set the path of the savepoint to start from"
        )


def service_account_is_set(candidate: Candidate) -> Iterator[str]:
    if not candidate.spec.service_account:
        yield (
            "spec.serviceAccount is missing; set the ServiceAccount of the job's pods (it needs the rights Flink "
            "needs: pods, configmaps, deployments), usually flink"
        )


def url_of(text: str) -> SplitResult | None:
    """The parts of a URL; None for text that is none."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    return url
