"""Every manifest of a Flink cluster from one request, equal to what Flink's native integration and the Java
operator create.

The JobManager Deployment belongs to the FlinkDeployment; Services and ConfigMaps belong to that Deployment
(so its deletion collects them) and can only be finished when its uid is known: `owned_by`. Building the same
request again gives equal manifests. Sends nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from operator_core.build import (
    flinkconf,
    flinkconffiles,
    ingresses,
    jobmanager,
    logconfigs,
    names,
    podtemplates,
    services,
    standalone,
    taskmanager,
)
from operator_core.build.requests import BuildRequest
from operator_core.conf import effective, options
from operator_core.jsonvalues import Object
from operator_core.model import resources
from operator_core.model.flinkdeployments import KIND, FlinkDeployment
from operator_core.model.resources import ObjectMeta

__all__ = ["BuildRequest", "ClusterManifests", "build", "build_native", "build_standalone", "ingress", "owned_by"]


@dataclass(frozen=True, slots=True)
class ClusterManifests:
    """`jobmanager` and `beside` (TaskManager Deployment of a standalone cluster, Ingress) carry their owner, the
    resource; `owned` (Services, ConfigMaps) get theirs from `owned_by`."""

    jobmanager: Object
    owned: tuple[Object, ...]
    beside: tuple[Object, ...] = ()

    @property
    def workers(self) -> tuple[Object, ...]:
        """The TaskManagers' Deployment of a standalone cluster, none of a native one."""
        return tuple(body for body in self.beside if body["kind"] == "Deployment")


def build(request: BuildRequest) -> ClusterManifests:
    """The manifests in the mode that the spec names. Raises Stalled(ValidationError) as `build_native`."""
    standalone_mode = request.deployment.spec.mode == "standalone"
    return build_standalone(request) if standalone_mode else build_native(request)


def build_native(request: BuildRequest) -> ClusterManifests:
    """The manifests of a native cluster: an application, or a session cluster where the spec has no job.

    Raises Stalled(ValidationError) for memory or option texts that cannot work; validation tells first.
    """
    spec, asked = request.deployment.spec, _asked(request)
    conf = flinkconf.native(request)
    config_map, config_volume = _config_map(request, conf, names.NATIVE_TYPE)
    owned: list[Object] = [*services.native(conf.texts), config_map]
    volumes = [config_volume]
    task_manager_template = podtemplates.task_manager_template(spec, asked)
    if task_manager_template is not None:
        pod_template_map, pod_template_volume = _pod_template_map(request, task_manager_template)
        owned.append(pod_template_map)
        volumes.append(pod_template_volume)
    command = f"kubernetes-jobmanager.sh kubernetes-{'application' if spec.job else 'session'}"
    arguments = ("bash", "-c", f"{command} {options.get(conf.texts, options.JOB_MANAGER_ENTRYPOINT_ARGS)}")
    template = podtemplates.job_manager_template(spec, asked)
    made = jobmanager.deployment(conf.texts, names.NATIVE_TYPE, template, tuple(volumes), arguments)
    return ClusterManifests(_of_resource(request.deployment.metadata, made), tuple(owned), _ingress(request, conf))


def build_standalone(request: BuildRequest) -> ClusterManifests:
    """The manifests of a standalone cluster: TaskManagers are a Deployment, in `beside`.

    Raises Stalled(ValidationError) as `build_native`.
    """
    spec, asked = request.deployment.spec, _asked(request)
    conf = flinkconf.standalone(request)
    config_map, config_volume = _config_map(request, conf, names.STANDALONE_TYPE)
    template = podtemplates.job_manager_template(spec, asked)
    volumes = standalone.job_manager_volumes(spec, template, config_volume)
    arguments = standalone.job_manager_arguments(request, conf)
    made = jobmanager.deployment(conf.texts, names.STANDALONE_TYPE, template, volumes, arguments)
    workers = taskmanager.deployment(conf.texts, podtemplates.task_manager_template(spec, asked) or {}, config_volume)
    return ClusterManifests(
        _of_resource(request.deployment.metadata, made),
        (*services.standalone(conf.texts), config_map),
        (_of_resource(request.deployment.metadata, workers), *_ingress(request, conf)),
    )


def owned_by(owned: tuple[Object, ...], deployment_uid: str) -> tuple[Object, ...]:
    """The manifests with the JobManager Deployment (named like the cluster) as their controller."""
    return tuple(
        manifest
        | {
            "metadata": manifest["metadata"]
            | {
                "ownerReferences": [
                    _owner("apps/v1", "Deployment", manifest["metadata"]["labels"]["app"], deployment_uid)
                ]
            }
        }
        for manifest in owned
    )


def _asked(request: BuildRequest) -> Mapping[str, str]:
    meta = request.deployment.metadata
    return effective.effective(
        request.deployment.spec, name=meta.name, namespace=meta.namespace, defaults=request.defaults
    )


def ingress(deployment: FlinkDeployment, rest_port: int) -> Object | None:
    """The Ingress that a resource asks for, None where it asks for none."""
    made = ingresses.ingress(deployment, rest_port)
    return _of_resource(deployment.metadata, made, controller=True) if made is not None else None


def _of_resource(meta: ObjectMeta, manifest: Object, *, controller: bool = False) -> Object:
    owner = _owner(resources.API_VERSION, KIND, meta.name, meta.uid, controller=controller)
    return manifest | {"metadata": manifest["metadata"] | {"ownerReferences": [owner]}}


def _ingress(request: BuildRequest, conf: flinkconf.FlinkConf) -> tuple[Object, ...]:
    made = ingress(request.deployment, options.get_int(conf.texts, options.REST_PORT))
    return (made,) if made is not None else ()


def _config_map(request: BuildRequest, conf: flinkconf.FlinkConf, type_: str) -> tuple[Object, Object]:
    meta = request.deployment.metadata
    file_name, content = flinkconffiles.render(conf)
    data = {**logconfigs.files(request.deployment.spec.log_configuration), file_name: content}
    name = names.config_map(meta.name)
    directory = options.get(conf.texts, options.FLINK_CONF_DIR) or ""
    return _map(name, request, type_, data), _volume(names.CONFIG_VOLUME, name, list(data), directory)


def _pod_template_map(request: BuildRequest, template: Object) -> tuple[Object, Object]:
    meta = request.deployment.metadata
    name = names.pod_template_config_map(meta.name)
    data = {names.TASK_MANAGER_TEMPLATE_FILE: flinkconffiles.yaml_text(template)}
    volume = _volume(names.POD_TEMPLATE_VOLUME, name, list(data), names.POD_TEMPLATE_DIR)
    return _map(name, request, names.NATIVE_TYPE, data), volume


def _map(name: str, request: BuildRequest, type_: str, data: dict[str, str]) -> Object:
    meta = request.deployment.metadata
    labels = names.cluster_labels(meta.name, type_)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(name, meta.namespace, labels),
        "data": data,
    }


def _volume(name: str, config_map: str, keys: list[str], directory: str) -> Object:
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "configMap": {"name": config_map, "items": items}, "mountPath": directory}


def _owner(api_version: str, kind: str, name: str, uid: str, *, controller: bool = True) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": controller,
        "blockOwnerDeletion": True,
    }
