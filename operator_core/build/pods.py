"""Pods of a cluster: a merged pod template with what Flink's Kubernetes client puts on top.

Image, command, ports, resources, environment, Secrets, volumes, scheduling, for JobManager and TaskManager
alike. Where template and options disagree the option wins if it is set, else the template, else Flink's default
(KubernetesUtils.resolveUserDefinedValue). Decides nothing about a role; the roles' modules do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from operator_core.conf import flattening, options
from operator_core.conf.options import Option
from operator_core.jsonvalues import Object
from operator_core.model import podtemplates, units

_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Role:
    """The options that belong to a role's pods."""

    environment_prefix: str
    service_account: Option
    labels: Option
    annotations: Option
    node_selector: Option
    tolerations: Option
    cpu_limit_factor: Option
    memory_limit_factor: Option


@dataclass(frozen=True, slots=True)
class Contents:
    """What runs in the pod; `memory` in bytes.

    Volumes have a `mountPath` each; `first_volumes` come before those of the configured Secrets, as in Flink.
    """

    arguments: tuple[str, ...]
    ports: tuple[tuple[str, int], ...]
    volumes: tuple[Object, ...]
    cpu: Fraction
    memory: int
    first_volumes: tuple[Object, ...] = ()
    knows_its_address: bool = False


def labels(conf: Mapping[str, str], role: Role, selector: dict[str, str]) -> dict[str, str]:
    """Labels of a role's Deployment and pods; the selector's always win."""
    return flattening.split_map(options.get(conf, role.labels) or "") | selector


def annotations(conf: Mapping[str, str], role: Role) -> dict[str, str]:
    return flattening.split_map(options.get(conf, role.annotations) or "")


def pod_template(
    conf: Mapping[str, str], role: Role, template: Object, selector: dict[str, str], contents: Contents
) -> Object:
    """The pod template of the role's Deployment."""
    return {
        "metadata": _metadata(conf, role, template.get("metadata") or {}, selector),
        "spec": _spec(conf, role, template, contents),
    }


def _metadata(conf: Mapping[str, str], role: Role, given: Object, selector: dict[str, str]) -> Object:
    # Nothing else of a template's metadata means anything in a Deployment, which names its pods itself.
    made: Object = {"finalizers": given["finalizers"]} if given.get("finalizers") else {}
    made["labels"] = (given.get("labels") or {}) | labels(conf, role, selector)
    noted = (given.get("annotations") or {}) | annotations(conf, role)
    return made | {"annotations": noted} if noted else made


def _spec(conf: Mapping[str, str], role: Role, template: Object, contents: Contents) -> Object:
    spec: Object = dict(template.get("spec") or {})
    mounted = contents.first_volumes + _secret_volumes(conf) + contents.volumes
    given = podtemplates.main_container({"spec": {"containers": list(spec.get("containers") or [])}})
    others = [item for item in spec.get("containers") or [] if item.get("name") != podtemplates.MAIN_CONTAINER]
    host_network = options.get_bool(conf, options.HOST_NETWORK)
    in_template = spec.get("serviceAccount") or spec.get("serviceAccountName")
    account = _chosen(conf, role.service_account, in_template, "default")
    volumes = [{key: item[key] for key in item if key != "mountPath"} for item in mounted]
    spec |= {
        "serviceAccount": account,
        "serviceAccountName": account,
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirstWithHostNet" if host_network else spec.get("dnsPolicy") or "ClusterFirst",
        "containers": [*others, _main_container(conf, role, given, contents, mounted)],
        "volumes": [*(spec.get("volumes") or []), *volumes],
    }
    if host_network:
        spec["hostNetwork"] = True
    return spec | _scheduling(conf, role, spec)


def _scheduling(conf: Mapping[str, str], role: Role, spec: Object) -> Object:
    merged: Object = {}
    secrets = flattening.split_list(options.get(conf, options.PULL_SECRETS) or "")
    if secrets:
        merged["imagePullSecrets"] = [*(spec.get("imagePullSecrets") or []), *({"name": name} for name in secrets)]
    selector = flattening.split_map(options.get(conf, role.node_selector) or "")
    if selector:
        merged["nodeSelector"] = (spec.get("nodeSelector") or {}) | selector
    tolerations = [_toleration(item) for item in flattening.split_list(options.get(conf, role.tolerations) or "")]
    if tolerations:
        merged["tolerations"] = [*(spec.get("tolerations") or []), *tolerations]
    scheduler = options.get(conf, options.SCHEDULER_NAME)
    if scheduler:
        merged["schedulerName"] = scheduler
    return merged


def _toleration(text: str) -> Object:
    members: Object = dict(flattening.split_map(text))
    if "tolerationSeconds" in members:
        members["tolerationSeconds"] = int(members["tolerationSeconds"])
    return members


def _main_container(
    conf: Mapping[str, str], role: Role, given: Object, contents: Contents, mounted: tuple[Object, ...]
) -> Object:
    version = conf["$internal.flink.version"].removeprefix("v").replace("_", ".")
    own_ports = () if options.get_bool(conf, options.HOST_NETWORK) else contents.ports
    ports = [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in own_ports]
    mounts = [{"name": item["name"], "mountPath": item["mountPath"]} for item in mounted]
    made = dict(given) | {
        "name": podtemplates.MAIN_CONTAINER,
        "image": _chosen(conf, options.IMAGE, given.get("image"), f"flink:{version}"),
        "imagePullPolicy": _chosen(conf, options.PULL_POLICY, given.get("imagePullPolicy"), "IfNotPresent"),
        "command": [options.get(conf, options.ENTRY_PATH)],
        "args": list(contents.arguments),
        "ports": [*(given.get("ports") or []), *ports],
        "resources": _resources(conf, role, given.get("resources") or {}, contents),
        "volumeMounts": [*(given.get("volumeMounts") or []), *mounts],
    }
    environment = _environment(conf, role, given, contents)
    return made | {"env": environment} if environment else made


def _environment(conf: Mapping[str, str], role: Role, given: Object, contents: Contents) -> list[Object]:
    prefix = role.environment_prefix
    added: list[Object] = [
        {"name": key.removeprefix(prefix), "value": conf[key]} for key in sorted(conf) if key.startswith(prefix)
    ]
    if contents.knows_its_address:
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


def _resources(conf: Mapping[str, str], role: Role, given: Object, contents: Contents) -> Object:
    mebibytes = contents.memory // _MIB
    factor = Fraction(str(options.get_number(conf, role.memory_limit_factor)))
    cpu_limit = contents.cpu * Fraction(str(options.get_number(conf, role.cpu_limit_factor)))
    requests = {"cpu": units.cpu_quantity(contents.cpu), "memory": units.memory_quantity(mebibytes * _MIB)}
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


def _chosen(conf: Mapping[str, str], option: Option, template: str | None, default: str) -> str:
    if options.is_set(conf, option):
        return options.get(conf, option) or default
    return template or default
