"""The JobManager's Deployment of a native cluster.

The pod is the merged pod template with what Flink's Kubernetes client puts on top: image, command, ports,
resources, environment, Secrets, configuration volumes. Where template and options disagree the option wins
if it is set, else the template, else Flink's default (KubernetesUtils.resolveUserDefinedValue).
"""

from collections.abc import Mapping
from fractions import Fraction

from operator_core.build import names
from operator_core.conf import flattening, memory, options
from operator_core.jsonvalues import Object
from operator_core.model import podtemplates, units

_MIB = 1024**2


def deployment(conf: Mapping[str, str], template: Object, config_volumes: tuple[Object, ...], command: str) -> Object:
    """The apps/v1 Deployment without owner; `config_volumes` are ConfigMap volumes with a `mountPath` each."""
    cluster = conf[options.CLUSTER_ID.key]
    selector = names.job_manager_labels(cluster)
    labels = flattening.split_map(options.get(conf, options.JOB_MANAGER_LABELS) or "") | selector
    annotations = flattening.split_map(options.get(conf, options.JOB_MANAGER_ANNOTATIONS) or "")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(cluster, conf[options.NAMESPACE.key], labels, annotations),
        "spec": {
            "replicas": options.get_int(conf, options.JOB_MANAGER_REPLICAS),
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": _pod_metadata(template, labels, annotations),
                "spec": _pod_spec(conf, template, config_volumes, command),
            },
        },
    }


def _pod_metadata(template: Object, labels: dict[str, str], annotations: dict[str, str]) -> Object:
    given = template.get("metadata") or {}
    merged = {"labels": (given.get("labels") or {}) | labels}
    merged["annotations"] = (given.get("annotations") or {}) | annotations
    # Nothing else of a template's metadata means anything in a Deployment, which names its pods itself.
    kept = {key: given[key] for key in ("finalizers",) if given.get(key)}
    return kept | merged


def _pod_spec(conf: Mapping[str, str], template: Object, config_volumes: tuple[Object, ...], command: str) -> Object:
    spec: Object = dict(template.get("spec") or {})
    mounts = _secret_volumes(conf) + tuple(config_volumes)
    main = _main_container(conf, podtemplates.main_container(template), mounts, command)
    others = [item for item in spec.get("containers") or [] if item.get("name") != podtemplates.MAIN_CONTAINER]
    host_network = options.get_bool(conf, options.HOST_NETWORK)
    account = _chosen(
        conf,
        options.JOB_MANAGER_SERVICE_ACCOUNT,
        spec.get("serviceAccount") or spec.get("serviceAccountName"),
        "default",
    )
    artifacts = {"name": names.ARTIFACTS_VOLUME, "emptyDir": {}}
    volumes = [{key: item[key] for key in item if key != "mountPath"} for item in mounts]
    spec |= {
        "serviceAccount": account,
        "serviceAccountName": account,
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirstWithHostNet" if host_network else spec.get("dnsPolicy") or "ClusterFirst",
        "containers": [*others, main],
        "volumes": [*(spec.get("volumes") or []), artifacts, *volumes],
    }
    if host_network:
        spec["hostNetwork"] = True
    return spec | _scheduling(conf, spec)


def _scheduling(conf: Mapping[str, str], spec: Object) -> Object:
    merged: Object = {}
    secrets = flattening.split_list(options.get(conf, options.PULL_SECRETS) or "")
    if secrets:
        merged["imagePullSecrets"] = [*(spec.get("imagePullSecrets") or []), *({"name": name} for name in secrets)]
    selector = flattening.split_map(options.get(conf, options.JOB_MANAGER_NODE_SELECTOR) or "")
    if selector:
        merged["nodeSelector"] = (spec.get("nodeSelector") or {}) | selector
    tolerations = _tolerations(conf)
    if tolerations:
        merged["tolerations"] = [*(spec.get("tolerations") or []), *tolerations]
    scheduler = options.get(conf, options.SCHEDULER_NAME)
    if scheduler:
        merged["schedulerName"] = scheduler
    return merged


def _tolerations(conf: Mapping[str, str]) -> list[Object]:
    made: list[Object] = []
    for item in flattening.split_list(options.get(conf, options.JOB_MANAGER_TOLERATIONS) or ""):
        members: Object = dict(flattening.split_map(item))
        if "tolerationSeconds" in members:
            members["tolerationSeconds"] = int(members["tolerationSeconds"])
        made.append(members)
    return made


def _main_container(conf: Mapping[str, str], given: Object, config_volumes: tuple[Object, ...], command: str) -> Object:
    mounts = [{"name": names.ARTIFACTS_VOLUME, "mountPath": "/opt/flink/artifacts"}]
    mounts += [{"name": item["name"], "mountPath": item["mountPath"]} for item in config_volumes]
    version = conf["$internal.flink.version"].removeprefix("v").replace("_", ".")
    host_network = options.get_bool(conf, options.HOST_NETWORK)
    return dict(given) | {
        "name": podtemplates.MAIN_CONTAINER,
        "image": _chosen(conf, options.IMAGE, given.get("image"), f"flink:{version}"),
        "imagePullPolicy": _chosen(conf, options.PULL_POLICY, given.get("imagePullPolicy"), "IfNotPresent"),
        "command": [options.get(conf, options.ENTRY_PATH)],
        "args": ["bash", "-c", f"{command} {options.get(conf, options.JOB_MANAGER_ENTRYPOINT_ARGS)}"],
        "ports": [*(given.get("ports") or []), *(() if host_network else _ports(conf))],
        "env": _environment(conf, given),
        "resources": _resources(conf, given.get("resources") or {}),
        "volumeMounts": [*(given.get("volumeMounts") or []), *mounts],
    }


def _ports(conf: Mapping[str, str]) -> list[Object]:
    ports = (
        (names.REST_PORT_NAME, options.REST_PORT),
        (names.RPC_PORT_NAME, options.JOB_MANAGER_RPC_PORT),
        (names.BLOB_PORT_NAME, options.BLOB_PORT),
    )
    return [{"name": name, "containerPort": options.get_int(conf, port), "protocol": "TCP"} for name, port in ports]


def _environment(conf: Mapping[str, str], given: Object) -> list[Object]:
    prefix = "containerized.master.env."
    added: list[Object] = [
        {"name": key.removeprefix(prefix), "value": conf[key]} for key in sorted(conf) if key.startswith(prefix)
    ]
    pod_ip = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    added.append({"name": "_POD_IP_ADDRESS", "valueFrom": pod_ip})
    log_dir = options.get(conf, options.FLINK_LOG_DIR)
    if log_dir:
        added.append({"name": "FLINK_LOG_DIR", "value": log_dir})
    for item in flattening.split_list(options.get(conf, options.ENV_SECRETS) or ""):
        members = flattening.split_map(item)
        reference = {"name": members.get("secret"), "key": members.get("key")}
        added.append({"name": members.get("env"), "valueFrom": {"secretKeyRef": reference}})
    taken = {item["name"] for item in added}
    return [*(item for item in given.get("env") or [] if item.get("name") not in taken), *added]


def _resources(conf: Mapping[str, str], given: Object) -> Object:
    cpu = units.quantity(options.get(conf, options.JOB_MANAGER_CPU) or "1")
    mebibytes = memory.job_manager_process_bytes(conf) // _MIB
    factor = Fraction(options.get_number(conf, options.JOB_MANAGER_MEMORY_LIMIT))
    cpu_limit = cpu * Fraction(str(options.get_number(conf, options.JOB_MANAGER_CPU_LIMIT)))
    requests = {"cpu": units.cpu_quantity(cpu), "memory": units.memory_quantity(mebibytes * _MIB)}
    limits = {"cpu": units.cpu_quantity(cpu_limit), "memory": units.memory_quantity(int(mebibytes * factor) * _MIB)}
    return given | {
        "requests": (given.get("requests") or {}) | requests,
        "limits": (given.get("limits") or {}) | limits,
    }


def _secret_volumes(conf: Mapping[str, str]) -> tuple[Object, ...]:
    secrets = flattening.split_map(options.get(conf, options.SECRETS) or "")
    return tuple(
        {"name": f"{name}-volume", "secret": {"secretName": name}, "mountPath": path} for name, path in secrets.items()
    )


def _chosen(conf: Mapping[str, str], option: options.Option, template: str | None, default: str) -> str:
    if options.is_set(conf, option):
        return options.get(conf, option) or default
    return template or default
