"""Every manifest of a Flink cluster from one request, equal to what Flink's native integration and the Java
operator create.

The JobManager Deployment belongs to the FlinkDeployment; Services and ConfigMaps belong to that Deployment
(so its deletion collects them) and can only be finished when its uid is known: `owned_by`. Building the same
request again gives equal manifests. Sends nothing.
"""

from dataclasses import dataclass

from operator_core.build import flinkconf, flinkconffiles, jobmanager, logconfigs, names, podtemplates, services
from operator_core.build.requests import BuildRequest
from operator_core.conf import effective, options
from operator_core.jsonvalues import Object
from operator_core.model import resources
from operator_core.model.flinkdeployments import KIND

__all__ = ["BuildRequest", "ClusterManifests", "build_native", "owned_by"]


@dataclass(frozen=True, slots=True)
class ClusterManifests:
    """`jobmanager` carries its owner; `owned` (Services, ConfigMaps) not yet."""

    jobmanager: Object
    owned: tuple[Object, ...]


def build_native(request: BuildRequest) -> ClusterManifests:
    """The manifests of a native cluster: an application, or a session cluster where the spec has no job.

    Raises Stalled(ValidationError) for memory or option texts that cannot work; validation tells first.
    """
    deployment = request.deployment
    meta, spec = deployment.metadata, deployment.spec
    asked = effective.effective(spec, name=meta.name, namespace=meta.namespace, defaults=request.defaults)
    conf = flinkconf.native(request)
    config_map, config_volume = _config_map(request, conf)
    owned: list[Object] = [*services.native(conf.texts), config_map]
    volumes = [config_volume]
    task_manager_template = podtemplates.task_manager_template(spec, asked)
    if task_manager_template is not None:
        pod_template_map, pod_template_volume = _pod_template_map(request, task_manager_template)
        owned.append(pod_template_map)
        volumes.append(pod_template_volume)
    command = f"kubernetes-jobmanager.sh kubernetes-{'application' if spec.job else 'session'}"
    made = jobmanager.deployment(conf.texts, podtemplates.job_manager_template(spec, asked), tuple(volumes), command)
    made["metadata"]["ownerReferences"] = [_owner(resources.API_VERSION, KIND, meta.name, meta.uid, controller=False)]
    return ClusterManifests(made, tuple(owned))


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


def _config_map(request: BuildRequest, conf: flinkconf.FlinkConf) -> tuple[Object, Object]:
    meta = request.deployment.metadata
    file_name, content = flinkconffiles.render(conf)
    data = {**logconfigs.files(request.deployment.spec.log_configuration), file_name: content}
    name = names.config_map(meta.name)
    directory = options.get(conf.texts, options.FLINK_CONF_DIR) or ""
    return _map(name, meta.namespace, meta.name, data), _volume(names.CONFIG_VOLUME, name, list(data), directory)


def _pod_template_map(request: BuildRequest, template: Object) -> tuple[Object, Object]:
    meta = request.deployment.metadata
    name = names.pod_template_config_map(meta.name)
    data = {names.TASK_MANAGER_TEMPLATE_FILE: flinkconffiles.yaml_text(template)}
    volume = _volume(names.POD_TEMPLATE_VOLUME, name, list(data), names.POD_TEMPLATE_DIR)
    return _map(name, meta.namespace, meta.name, data), volume


def _map(name: str, namespace: str, cluster: str, data: dict[str, str]) -> Object:
    labels = names.cluster_labels(cluster)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(name, namespace, labels),
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
