"""Pod templates of a cluster: merged, with the resources and the startup probe the operator adds.

The result is a plain template (metadata, spec); what Flink itself puts on top is `jobmanager`'s business.
"""

from collections.abc import Mapping
from typing import Final

from operator_core.build import names
from operator_core.conf import options
from operator_core.jsonvalues import Object
from operator_core.model import podtemplates
from operator_core.model.flinkdeployments import FlinkDeploymentSpec, JobManagerSpec, TaskManagerSpec

_FOREVER: Final = 2**31 - 1


def task_manager_template(spec: FlinkDeploymentSpec, conf: Mapping[str, str]) -> Object | None:
    """The TaskManager's template; None where nothing asks for one."""
    own = spec.task_manager.pod_template if spec.task_manager else None
    if spec.pod_template is None and own is None and not _extra_resources(spec.task_manager):
        return None
    return _template(spec, spec.task_manager, conf)


def job_manager_template(spec: FlinkDeploymentSpec, conf: Mapping[str, str]) -> Object:
    """The JobManager's template, with a startup probe that holds until the job was accepted."""
    template = _template(spec, spec.job_manager, conf)
    container = podtemplates.main_container(template)
    if options.get_bool(conf, options.STARTUP_PROBE_ENABLED) and "startupProbe" not in container:
        container["startupProbe"] = _startup_probe(conf)
    return template


def _template(
    spec: FlinkDeploymentSpec, role: JobManagerSpec | TaskManagerSpec | None, conf: Mapping[str, str]
) -> Object:
    by_name = options.get_bool(conf, options.MERGE_ARRAYS_BY_NAME)
    template = podtemplates.merged(spec.pod_template, role.pod_template if role else None, by_name=by_name)
    extra = _extra_resources(role)
    if extra:
        container = podtemplates.main_container(template)
        container["resources"] = podtemplates.merge(container.get("resources") or {}, extra, by_name=False)
    return template


def _extra_resources(role: JobManagerSpec | TaskManagerSpec | None) -> Object:
    """Requests and limits beside CPU and memory, which Flink's own options carry."""
    if role is None:
        return {}
    if role.resources is not None:
        kinds = {"requests": role.resources.requests, "limits": role.resources.limits}
        chosen = {
            kind: {name: str(amount) for name, amount in amounts.items() if name not in ("cpu", "memory")}
            for kind, amounts in kinds.items()
        }
        return {kind: amounts for kind, amounts in chosen.items() if amounts}
    storage = role.resource.ephemeral_storage if role.resource else None
    return {kind: {"ephemeral-storage": storage} for kind in ("requests", "limits")} if storage else {}


def _startup_probe(conf: Mapping[str, str]) -> Object:
    ssl = options.get_bool(conf, options.REST_SSL)
    # The kubelet has no client certificate, so with mutual TLS an open port is all it can check.
    check: Object = (
        {"tcpSocket": {"port": names.REST_PORT_NAME}}
        if ssl and options.get_bool(conf, options.REST_SSL_MUTUAL)
        else {"httpGet": {"path": "/config", "port": names.REST_PORT_NAME, "scheme": "HTTPS" if ssl else "HTTP"}}
    )
    return check | {"periodSeconds": 1, "failureThreshold": _FOREVER}
