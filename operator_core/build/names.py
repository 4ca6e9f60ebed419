"""Names, labels and ports that Flink's Kubernetes integration fixes.

Flink finds its own objects by these (org.apache.flink.kubernetes.utils.Constants), so they are part of the
contract with the running JobManager. Knows no manifest.
"""

from operator_core.jsonvalues import Object

NATIVE_TYPE = "flink-native-kubernetes"
STANDALONE_TYPE = "flink-standalone-kubernetes"
JOB_MANAGER_COMPONENT = "jobmanager"
TASK_MANAGER_COMPONENT = "taskmanager"
REST_PORT_NAME = "rest"
RPC_PORT_NAME = "jobmanager-rpc"
BLOB_PORT_NAME = "blobserver"
TASK_MANAGER_PORT_NAME = "taskmanager-rpc"
CONFIG_VOLUME = "flink-config-volume"
POD_TEMPLATE_VOLUME = "pod-template-volume"
POD_TEMPLATE_DIR = "/opt/flink/pod-template"
TASK_MANAGER_TEMPLATE_FILE = "taskmanager-pod-template.yaml"
ARTIFACTS_VOLUME = "user-artifacts-volume"
USER_LIBRARIES_VOLUME = "user-lib-dir"
USER_LIBRARIES_DIR = "/opt/flink/usrlib"
DEFAULT_BLOB_PORT = 6124
DEFAULT_TASK_MANAGER_RPC_PORT = 6122


def rest_service(cluster_id: str) -> str:
    return f"{cluster_id}-rest"


def task_manager(cluster_id: str) -> str:
    return f"{cluster_id}-taskmanager"


def config_map(cluster_id: str) -> str:
    return f"flink-config-{cluster_id}"


def pod_template_config_map(cluster_id: str) -> str:
    return f"pod-template-{cluster_id}"


def cluster_labels(cluster_id: str, type_: str = NATIVE_TYPE) -> dict[str, str]:
    """On every object of a cluster."""
    return {"app": cluster_id, "type": type_}


def job_manager_labels(cluster_id: str, type_: str = NATIVE_TYPE) -> dict[str, str]:
    """Selects the JobManager's pods."""
    return {**cluster_labels(cluster_id, type_), "component": JOB_MANAGER_COMPONENT}


def task_manager_labels(cluster_id: str) -> dict[str, str]:
    """Selects the TaskManager pods of a standalone cluster."""
    return {**cluster_labels(cluster_id, STANDALONE_TYPE), "component": TASK_MANAGER_COMPONENT}


def metadata(name: str, namespace: str, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Object:
    made: Object = {"name": name, "namespace": namespace, "labels": labels}
    return made | {"annotations": annotations} if annotations else made
