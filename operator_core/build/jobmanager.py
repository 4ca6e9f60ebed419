"""The JobManager's Deployment, native or standalone.

Its generation annotation is how a later pass recognises what it was made from. Pods are made by `pods`.
"""

from collections.abc import Mapping
from typing import Final

from operator_core.build import names, pods
from operator_core.conf import memory, options
from operator_core.jsonvalues import Object
from operator_core.model import units

_ROLE: Final = pods.Role(
    environment_prefix="containerized.master.env.",
    service_account=options.JOB_MANAGER_SERVICE_ACCOUNT,
    labels=options.JOB_MANAGER_LABELS,
    annotations=options.JOB_MANAGER_ANNOTATIONS,
    node_selector=options.JOB_MANAGER_NODE_SELECTOR,
    tolerations=options.JOB_MANAGER_TOLERATIONS,
    cpu_limit_factor=options.JOB_MANAGER_CPU_LIMIT,
    memory_limit_factor=options.JOB_MANAGER_MEMORY_LIMIT,
)
_PORTS: Final = (
    (names.REST_PORT_NAME, options.REST_PORT),
    (names.RPC_PORT_NAME, options.JOB_MANAGER_RPC_PORT),
    (names.BLOB_PORT_NAME, options.BLOB_PORT),
)


def deployment(
    conf: Mapping[str, str], type_: str, template: Object, volumes: tuple[Object, ...], arguments: tuple[str, ...]
) -> Object:
    """The apps/v1 Deployment without owner; `volumes` are volumes with a `mountPath` each."""
    cluster = conf[options.CLUSTER_ID.key]
    selector = names.job_manager_labels(cluster, type_)
    artifacts = {"name": names.ARTIFACTS_VOLUME, "emptyDir": {}, "mountPath": "/opt/flink/artifacts"}
    contents = pods.Contents(
        arguments=arguments,
        ports=tuple((name, options.get_int(conf, port)) for name, port in _PORTS),
        volumes=volumes,
        first_volumes=(artifacts,),
        cpu=units.quantity(options.get(conf, options.JOB_MANAGER_CPU) or "1"),
        memory=memory.job_manager_process_bytes(conf),
        knows_its_address=True,
    )
    labels, annotations = pods.labels(conf, _ROLE, selector), pods.annotations(conf, _ROLE)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(cluster, conf[options.NAMESPACE.key], labels, annotations),
        "spec": {
            "replicas": options.get_int(conf, options.JOB_MANAGER_REPLICAS),
            "selector": {"matchLabels": selector},
            "template": pods.pod_template(conf, _ROLE, template, selector, contents),
        },
    }
