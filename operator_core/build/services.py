"""The Services of a cluster: `<id>` (headless, for TaskManagers) and `<id>-rest` (REST API and web UI).

With high availability TaskManagers learn the leader's address from its ConfigMap, so native clusters have no
headless Service then (as current Flink clients create them); standalone ones always have it.
"""

from collections.abc import Mapping

from operator_core.build import names
from operator_core.conf import flattening, options
from operator_core.jsonvalues import Object


def native(conf: Mapping[str, str]) -> tuple[Object, ...]:
    """Services of a native cluster, from the configuration shipped to it."""
    rest = _rest(conf, names.NATIVE_TYPE)
    return (rest,) if options.has_high_availability(conf) else (_internal(conf, names.NATIVE_TYPE), rest)


def standalone(conf: Mapping[str, str]) -> tuple[Object, ...]:
    """Services of a standalone cluster, from the configuration shipped to it."""
    return (_internal(conf, names.STANDALONE_TYPE), _rest(conf, names.STANDALONE_TYPE))


def _internal(conf: Mapping[str, str], type_: str) -> Object:
    ports = (
        (names.RPC_PORT_NAME, options.get_int(conf, options.JOB_MANAGER_RPC_PORT)),
        (names.BLOB_PORT_NAME, options.get_int(conf, options.BLOB_PORT)),
    )
    spec: Object = {"type": "ClusterIP", "clusterIP": "None"}
    spec["ports"] = [{"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in ports]
    annotations = flattening.split_map(options.get(conf, options.INTERNAL_SERVICE_ANNOTATIONS) or "")
    return _service(conf, conf[options.CLUSTER_ID.key], type_, annotations, spec)


def _rest(conf: Mapping[str, str], type_: str) -> Object:
    exposed = options.get(conf, options.REST_SERVICE_TYPE) or "ClusterIP"
    headless = exposed == "Headless_ClusterIP"
    spec: Object = {"type": "ClusterIP" if headless else exposed}
    if headless:
        spec["clusterIP"] = "None"
    port, target = options.get_int(conf, options.REST_PORT), options.get_int(conf, options.REST_BIND_PORT)
    spec["ports"] = [{"name": names.REST_PORT_NAME, "port": port, "targetPort": target, "protocol": "TCP"}]
    annotations = flattening.split_map(options.get(conf, options.REST_SERVICE_ANNOTATIONS) or "")
    return _service(conf, names.rest_service(conf[options.CLUSTER_ID.key]), type_, annotations, spec)


def _service(conf: Mapping[str, str], name: str, type_: str, annotations: dict[str, str], spec: Object) -> Object:
    cluster, namespace = conf[options.CLUSTER_ID.key], conf[options.NAMESPACE.key]
    labels = names.cluster_labels(cluster, type_)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(name, namespace, labels, annotations),
        "spec": spec | {"selector": names.job_manager_labels(cluster, type_)},
    }
