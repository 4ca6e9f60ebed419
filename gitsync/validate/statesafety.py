"""What deploys and may cost a job its state: upgrades without it, directories that die with a pod.

Pure. Reads the effective configuration, so an option the platform sets counts. Nothing here is
refused when applied; a warning loses state in ordinary use, advice only in special cases. Rules:
Flink, "Savepoints" and "Checkpointing"; the operator's "Job Management", upgrade modes.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from gitsync.validate.findings import Severity, Steps, Trouble
from operator_core.conf import effective, options
from operator_core.conf.defaults import Defaults
from operator_core.conf.options import Option
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots, podtemplates
from operator_core.model.flinkdeployments import FlinkDeployment, FlinkDeploymentSpec
from operator_core.model.jobs import JobSpec

_CONFIGURATION: Steps = ("spec", "flinkConfiguration")
_LOST = "it is gone with the pod; use storage every pod reaches, for instance s3://bucket/path, or mount a volume there"
_DIRECTORIES = (options.CHECKPOINT_DIR, options.SAVEPOINT_DIR, options.HA_STORAGE_DIR)


def troubles(body: Object, defaults: Defaults) -> Iterator[Trouble]:
    """What may lose state; the resource has been read without complaint before."""
    match body.get("kind"):
        case "FlinkDeployment":
            deployment = flinkdeployments.parse(body)
            meta, spec = deployment.metadata, deployment.spec
            conf = effective.effective(spec, name=meta.name, namespace=meta.namespace, defaults=defaults)
            yield from _job(spec.job, conf)
            yield from _kept(deployment, conf)
            yield from _image(spec.image)
        case "FlinkSessionJob":
            session = flinksessionjobs.parse(body).spec
            own = FlinkDeploymentSpec(flink_configuration=session.flink_configuration)
            conf = effective.effective(own, name="", namespace="", defaults=defaults)
            yield from _stateless(session.job, conf)
            yield from _non_restored(session.job)
        case "FlinkStateSnapshot":
            yield from _snapshot(flinkstatesnapshots.parse(body))


def _job(job: JobSpec | None, conf: Mapping[str, str]) -> Iterator[Trouble]:
    if job is None:
        return
    yield from _stateless(job, conf)
    yield from _non_restored(job)
    if job.upgrade_mode == "last-state":
        if not options.is_set(conf, options.CHECKPOINT_INTERVAL):
            message = (
                "spec.job.upgradeMode: last-state continues from the last checkpoint, and no interval is set; set "
                f"{options.CHECKPOINT_INTERVAL.key} unless the job's code turns checkpoints on"
            )
            yield Trouble("state-last-state", Severity.warning, ("spec", "job", "upgradeMode"), message)
        if not options.is_set(conf, options.SAVEPOINT_DIR):
            message = (
                f"spec.flinkConfiguration: without {options.SAVEPOINT_DIR.key} no savepoint can be taken: not before "
                "the job is deleted, and not for a change that only a savepoint survives"
            )
            yield Trouble("state-directory", Severity.advice, _CONFIGURATION, message)


def _stateless(job: JobSpec | None, conf: Mapping[str, str]) -> Iterator[Trouble]:
    takes = options.is_set(conf, options.CHECKPOINT_INTERVAL) or options.is_set(conf, options.CHECKPOINT_DIR)
    if job is None or job.upgrade_mode != "stateless" or not takes:
        return
    message = (
        "spec.job.upgradeMode: stateless (also when it is not set) starts the job empty after every change, though it "
        "takes checkpoints; set savepoint or last-state to keep its state"
    )
    yield Trouble("state-stateless", Severity.warning, ("spec", "job", "upgradeMode"), message)


def _non_restored(job: JobSpec | None) -> Iterator[Trouble]:
    if job is not None and job.allow_non_restored_state and job.upgrade_mode != "stateless":
        message = (
            "spec.job.allowNonRestoredState drops the state of every operator that is not found again, at each "
            "upgrade and without a word; set it for one change and remove it after"
        )
        yield Trouble("state-non-restored", Severity.warning, ("spec", "job", "allowNonRestoredState"), message)


def _kept(deployment: FlinkDeployment, conf: Mapping[str, str]) -> Iterator[Trouble]:
    spec = deployment.spec
    if spec.job is None and not options.has_high_availability(conf):
        return
    mounts = _shared_mounts(spec, conf)
    for option in _DIRECTORIES:
        text = options.get(conf, option)
        path = _local_path(text or "")
        if not path or any(path == mount or path.startswith(f"{mount}/") for mount in mounts):
            continue
        key = options.name_set(conf, option)
        message = f"spec.flinkConfiguration[{key}]: {text!r} is a directory of the container: {_LOST}"
        yield Trouble("state-directory", Severity.warning, (*_CONFIGURATION, key), message)
    retention = options.get(conf, options.CHECKPOINT_RETENTION)
    if retention and retention.upper() not in ("RETAIN_ON_CANCELLATION",) and _upgrades_with_state(spec.job):
        key = options.CHECKPOINT_RETENTION.key
        message = f"spec.flinkConfiguration[{key}]: {retention} deletes the checkpoints a later restore may need"
        yield Trouble("state-directory", Severity.warning, (*_CONFIGURATION, key), message)


def _upgrades_with_state(job: JobSpec | None) -> bool:
    return job is not None and job.upgrade_mode != "stateless"


def _local_path(text: str) -> str:
    """The path of a URI of the local file system; empty for any other."""
    match = re.fullmatch(r"(?:file:(?://[^/]*)?)?(/.*)", text.strip())
    return posixpath.normpath(match[1]) if match is not None else ""


def _shared_mounts(spec: FlinkDeploymentSpec, conf: Mapping[str, str]) -> set[str]:
    """Where the JobManager's main container has a volume that is not the pod's own."""
    own = spec.job_manager.pod_template if spec.job_manager is not None else None
    by_name = options.get_bool(conf, Option(options.MERGE_ARRAYS_BY_NAME.key, (), "false"))
    template = podtemplates.merged(spec.pod_template, own, by_name=by_name)
    lasting = {
        volume.get("name")
        for volume in dig(template, "spec", "volumes", default=[])
        if isinstance(volume, dict) and not volume.keys() & {"emptyDir", "ephemeral"}
    }
    mounts = dig(podtemplates.main_container(template), "volumeMounts", default=[])
    return {
        posixpath.normpath(str(mount.get("mountPath", "")))
        for mount in mounts
        if isinstance(mount, dict) and mount.get("name") in lasting
    }


def _image(image: str | None) -> Iterator[Trouble]:
    name = (image or "").rpartition("/")[2]
    if name and "@" not in name and (":" not in name or name.endswith(":latest")):
        message = f"spec.image: {image} names no build; the next pod may run another one. Use a version or a digest"
        yield Trouble("image-tag", Severity.advice, ("spec", "image"), message)


def _snapshot(resource: flinkstatesnapshots.FlinkStateSnapshot) -> Iterator[Trouble]:
    savepoint = resource.spec.savepoint
    if savepoint is not None and savepoint.dispose_on_delete:
        message = (
            "spec.savepoint.disposeOnDelete is true (also when it is not set): taking this file out of Git deletes the "
            "savepoint's data; set it to false to keep the data"
        )
        yield Trouble("state-snapshot", Severity.advice, ("spec", "savepoint"), message)
