"""Which other objects an object needs by name, and whether they are there and fit.

Pure. A job's cluster and a snapshot's job must fit when they are given; a ConfigMap, Secret,
ServiceAccount or claim that is not among the checked files is said to be outside, because secrets
and shared accounts often are. An object without a namespace fits every namespace: its app decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gitsync.validate.findings import Severity, Steps, Trouble, shown
from operator_core.conf import flattening
from operator_core.jsonvalues import Json, Object, dig

_TEMPLATES = (
    ("spec", "podTemplate"),
    ("spec", "jobManager", "podTemplate"),
    ("spec", "taskManager", "podTemplate"),
    ("spec", "template"),
)
_FLINK = "flink.apache.org/"
_VOLUMES = (("secret", "secretName", "Secret"), ("configMap", "name", "ConfigMap"))
_ALWAYS_THERE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}


@dataclass(frozen=True, slots=True)
class Reference:
    """`key`: the entry of the data it needs, "" for none."""

    kind: str
    name: str
    field: Steps
    key: str = ""


@dataclass(slots=True)
class Inventory:
    """All objects that were given, by kind and name."""

    _objects: dict[tuple[str, str], list[Object]] = field(default_factory=dict)

    def add(self, body: Object) -> None:
        """Take an object in."""
        key = (str(body.get("kind", "")), str(dig(body, "metadata", "name", default="")))
        self._objects.setdefault(key, []).append(body)

    def find(self, kind: str, name: str, namespace: str) -> Object | None:
        """The object of this name, in the same namespace or in one not said yet."""
        for body in self._objects.get((kind, name), []):
            other = dig(body, "metadata", "namespace", default="")
            if not namespace or not other or namespace == other:
                return body
        return None


def troubles(body: Object, inventory: Inventory) -> Iterator[Trouble]:
    """What does not fit, and what is outside."""
    namespace = dig(body, "metadata", "namespace", default="")
    if str(body.get("apiVersion", "")).startswith(_FLINK):
        yield from _session_job(body, inventory, namespace)
        yield from _snapshot(body, inventory, namespace)
    for reference in references(body):
        if (reference.kind, reference.name) in _ALWAYS_THERE:
            continue
        found = inventory.find(reference.kind, reference.name, namespace)
        where = shown(reference.field)
        if found is None:
            message = f"{where}: the {reference.kind} {reference.name} is not among the checked files; it must exist"
            topic = f"{reference.kind} {namespace}/{reference.name}"
            yield Trouble("reference-outside", Severity.advice, reference.field, message, topic)
        elif reference.key and not _has_key(found, reference.key):
            message = f"{where}: the {reference.kind} {reference.name} has no key {reference.key!r}"
            yield Trouble("reference", Severity.error, reference.field, message)


def references(body: Object) -> Iterator[Reference]:
    """The ConfigMaps, Secrets, ServiceAccounts and claims an object's pods need; optional ones are left out."""
    if body.get("kind") == "FlinkDeployment":
        yield from _of("ServiceAccount", dig(body, "spec", "serviceAccount"), ("spec", "serviceAccount"))
        yield from _configured(body)
        for number, tls in enumerate(_maps(dig(body, "spec", "ingress", "tls"))):
            yield from _of("Secret", tls.get("secretName"), ("spec", "ingress", "tls", number, "secretName"))
    for place in _TEMPLATES:
        spec = dig(body, *place, "spec")
        if isinstance(spec, dict):
            yield from _pod(spec, (*place, "spec"))


def _session_job(body: Object, inventory: Inventory, namespace: str) -> Iterator[Trouble]:
    name = dig(body, "spec", "deploymentName")
    if body.get("kind") != "FlinkSessionJob" or not isinstance(name, str) or not name:
        return
    at: Steps = ("spec", "deploymentName")
    cluster = inventory.find("FlinkDeployment", name, namespace)
    if cluster is None:
        message = f"spec.deploymentName: the FlinkDeployment {name} is not among the checked files; it must exist"
        yield Trouble("reference-outside", Severity.warning, at, message)
    elif isinstance(dig(cluster, "spec", "job"), dict):
        message = (
            f"spec.deploymentName: the FlinkDeployment {name} runs a job of its own; a session job needs a "
            "FlinkDeployment without spec.job"
        )
        yield Trouble("reference", Severity.error, at, message)


def _snapshot(body: Object, inventory: Inventory, namespace: str) -> Iterator[Trouble]:
    kind, name = dig(body, "spec", "jobReference", "kind"), dig(body, "spec", "jobReference", "name")
    if body.get("kind") != "FlinkStateSnapshot" or not isinstance(name, str) or not isinstance(kind, str):
        return
    at: Steps = ("spec", "jobReference", "name")
    job = inventory.find(kind, name, namespace)
    if job is None:
        message = f"spec.jobReference: the {kind} {name} is not among the checked files; it must exist"
        yield Trouble("reference-outside", Severity.warning, at, message)
    elif kind == "FlinkDeployment" and not isinstance(dig(job, "spec", "job"), dict):
        message = f"spec.jobReference: the FlinkDeployment {name} is a session cluster and has no job to snapshot"
        yield Trouble("reference", Severity.error, at, message)


def _configured(body: Object) -> Iterator[Reference]:
    """Secrets that options of Flink mount or read."""
    at: Steps = ("spec", "flinkConfiguration")
    given = dig(body, "spec", "flinkConfiguration", default={})
    conf = flattening.flatten(given) if isinstance(given, dict) else {}
    for name in _split(conf, "kubernetes.secrets"):
        yield from _of("Secret", name, (*at, "kubernetes.secrets"))
    for item in flattening.split_list(conf.get("kubernetes.env.secretKeyRef", "")):
        try:
            parts = flattening.split_map(item)
        except ValueError:
            continue
        steps = (*at, "kubernetes.env.secretKeyRef")
        yield from _of("Secret", parts.get("secret"), steps, parts.get("key", ""))
    for name in flattening.split_list(conf.get("kubernetes.container.image.pull-secrets", "")):
        yield from _of("Secret", name, (*at, "kubernetes.container.image.pull-secrets"))


def _split(conf: Mapping[str, str], key: str) -> tuple[str, ...]:
    try:
        return tuple(flattening.split_map(conf.get(key, "")))
    except ValueError:
        return ()


def _pod(spec: Object, at: Steps) -> Iterator[Reference]:
    yield from _of("ServiceAccount", spec.get("serviceAccountName"), (*at, "serviceAccountName"))
    for number, secret in enumerate(_maps(spec.get("imagePullSecrets"))):
        yield from _of("Secret", secret.get("name"), (*at, "imagePullSecrets", number, "name"))
    for number, volume in enumerate(_maps(spec.get("volumes"))):
        yield from _volume(volume, (*at, "volumes", number))
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(_maps(spec.get(kind))):
            yield from _container(container, (*at, kind, number))


def _volume(volume: Object, at: Steps) -> Iterator[Reference]:
    claim = dig(volume, "persistentVolumeClaim", "claimName")
    yield from _of("PersistentVolumeClaim", claim, (*at, "persistentVolumeClaim", "claimName"))
    for source, name, kind in _VOLUMES:
        if dig(volume, source, "optional") is not True:
            yield from _of(kind, dig(volume, source, name), (*at, source, name))
    for number, one in enumerate(_maps(dig(volume, "projected", "sources"))):
        for source, _, kind in _VOLUMES:
            if dig(one, source, "optional") is not True:
                steps = (*at, "projected", "sources", number, source, "name")
                yield from _of(kind, dig(one, source, "name"), steps)


def _container(container: Object, at: Steps) -> Iterator[Reference]:
    for number, variable in enumerate(_maps(container.get("env"))):
        for source, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            wanted = dig(variable, "valueFrom", source)
            if isinstance(wanted, dict) and wanted.get("optional") is not True:
                steps = (*at, "env", number, "valueFrom", source)
                yield from _of(kind, wanted.get("name"), steps, str(wanted.get("key") or ""))
    for number, source_ in enumerate(_maps(container.get("envFrom"))):
        for source, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if dig(source_, source, "optional") is not True:
                yield from _of(kind, dig(source_, source, "name"), (*at, "envFrom", number, source, "name"))


def _has_key(body: Object, key: str) -> bool:
    parts = [body.get(part) for part in ("data", "stringData", "binaryData")]
    return any(isinstance(part, dict) and key in part for part in parts)


def _of(kind: str, name: Json, at: Steps, key: str = "") -> Iterator[Reference]:
    if isinstance(name, str) and name:
        yield Reference(kind, name, at, key)


def _maps(value: Json) -> list[Object]:
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
