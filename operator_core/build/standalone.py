"""What is particular to the JobManager of a standalone cluster: its start arguments and its library folder.

The image's entry point takes `jobmanager` (session) or `standalone-job` with the job's own arguments last.
"""

from operator_core.build import names
from operator_core.build.flinkconf import FlinkConf
from operator_core.build.requests import BuildRequest
from operator_core.conf import options
from operator_core.jsonvalues import Object, dig
from operator_core.model import podtemplates
from operator_core.model.flinkdeployments import FlinkDeploymentSpec


def job_manager_arguments(request: BuildRequest, conf: FlinkConf) -> tuple[str, ...]:
    """Arguments of the image's entry point.

    The state to restore is passed here too: the entry point overwrites what the configuration says about it.
    """
    job = request.deployment.spec.job
    arguments = ["standalone-job" if job else "jobmanager"]
    if options.has_high_availability(conf.texts):
        # Every JobManager is reached under its own address, the leader's is found through its ConfigMap.
        arguments += ["-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)"]
    if job is None:
        return tuple(arguments)
    if job.entry_class:
        arguments += ["--job-classname", job.entry_class]
    if request.allow_non_restored:
        arguments.append("--allowNonRestoredState")
    if request.savepoint_path:
        arguments += ["--fromSavepoint", request.savepoint_path]
    return (*arguments, *job.args)


def job_manager_volumes(spec: FlinkDeploymentSpec, template: Object, config_volume: Object) -> tuple[Object, ...]:
    """The configuration, and an empty folder for libraries where neither template nor image has one: Flink lists it.

    A job's jar that lies there is in the image, which an empty folder would hide (as it does in the Java operator).
    """
    mounts = podtemplates.main_container(template).get("volumeMounts") or []
    has_own = any(str(dig(mount, "mountPath", default="")).startswith(names.USER_LIBRARIES_DIR) for mount in mounts)
    in_image = spec.job is not None and f"{names.USER_LIBRARIES_DIR}/" in (spec.job.jar_uri or "")
    if spec.job is None or not spec.job.jar_uri or has_own or in_image:
        return (config_volume,)
    libraries = {"name": names.USER_LIBRARIES_VOLUME, "emptyDir": {}, "mountPath": names.USER_LIBRARIES_DIR}
    return (config_volume, libraries)
