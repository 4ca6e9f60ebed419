"""The TaskManagers' Deployment of a standalone cluster (a native JobManager makes TaskManager pods itself)."""

from collections.abc import Mapping
from typing import Final

from operator_core.build import names, pods
from operator_core.conf import memory, options
from operator_core.jsonvalues import Object
from operator_core.model import units

_ROLE: Final = pods.Role(
    environment_prefix="containerized.taskmanager.env.",
    service_account=options.TASK_MANAGER_SERVICE_ACCOUNT,
    labels=options.TASK_MANAGER_LABELS,
    annotations=options.TASK_MANAGER_ANNOTATIONS,
    node_selector=options.TASK_MANAGER_NODE_SELECTOR,
    tolerations=options.TASK_MANAGER_TOLERATIONS,
    cpu_limit_factor=options.TASK_MANAGER_CPU_LIMIT,
    memory_limit_factor=options.TASK_MANAGER_MEMORY_LIMIT,
)


def deployment(conf: Mapping[str, str], template: Object, config_volume: Object) -> Object:
    """The apps/v1 Deployment without owner; as many replicas as the configuration computed."""
    cluster = conf[options.CLUSTER_ID.key]
    selector = names.task_manager_labels(cluster)
    contents = pods.Contents(
        arguments=("taskmanager",),
        ports=((names.TASK_MANAGER_PORT_NAME, options.get_int(conf, options.TASK_MANAGER_RPC_PORT)),),
        volumes=(config_volume,),
        # Flink's default: one CPU for each slot.
        cpu=units.quantity(options.get(conf, options.TASK_MANAGER_CPU) or str(options.get(conf, options.TASK_SLOTS))),
        memory=memory.task_manager_process_bytes(conf),
    )
    labels = pods.labels(conf, _ROLE, selector)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(names.task_manager(cluster), conf[options.NAMESPACE.key], labels),
        "spec": {
            "replicas": options.get_int(conf, options.TASK_MANAGER_REPLICAS),
            "selector": {"matchLabels": selector},
            "template": pods.pod_template(conf, _ROLE, template, selector, contents),
        },
    }
