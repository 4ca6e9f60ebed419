"""Which TLS material a cluster's configuration names for its REST API, and in which Secrets it is.

Flink's options name files inside the pods (docs: deployment/security/security-ssl); a pod gets them from Secrets
that its template mounts or `kubernetes.secrets` does. The agent reads the same Secrets. Reads nothing itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from operator_core.conf import flattening, options
from operator_core.conf.options import Option
from operator_core.jsonvalues import Object, dig
from operator_core.model import podtemplates

TRUST_STORE = Option("security.ssl.rest.truststore", ("security.ssl.truststore",))
TRUST_STORE_PASSWORD = Option("security.ssl.rest.truststore-password", ("security.ssl.truststore-password",))
KEY_STORE = Option("security.ssl.rest.keystore", ("security.ssl.keystore",))
KEY_STORE_PASSWORD = Option("security.ssl.rest.keystore-password", ("security.ssl.keystore-password",))
KEY_PASSWORD = Option("security.ssl.rest.key-password", ("security.ssl.key-password",))


@dataclass(frozen=True, slots=True)
class SecretFile:
    """One key of a Secret."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Store:
    """A trust or key store: the file inside the pods, and the Secret it comes from (None: mounted from none)."""

    path: str
    file: SecretFile | None
    password: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RestTls:
    """`trust`: what the server is checked with; `key`: its own store, which a client also needs where TLS is mutual."""

    trust: Store | None
    key: Store | None
    mutual: bool


def of(conf: Mapping[str, str], template: Object) -> RestTls | None:
    """The material of a cluster with this configuration and JobManager pod template; None: REST without TLS."""
    if not options.get_bool(conf, options.REST_SSL):
        return None
    mounted = tuple(_mounted(conf, template))
    key_password = options.get(conf, KEY_PASSWORD) or options.get(conf, KEY_STORE_PASSWORD) or ""
    return RestTls(
        trust=_store(conf, TRUST_STORE, TRUST_STORE_PASSWORD, mounted),
        key=_store(conf, KEY_STORE, KEY_STORE_PASSWORD, mounted, key_password),
        mutual=options.get_bool(conf, options.REST_SSL_MUTUAL),
    )


@dataclass(frozen=True, slots=True)
class _Mount:
    """A path in the pod that shows a Secret: all of it (`keys` None), or single keys under names of their own."""

    path: str
    secret: str
    keys: Mapping[str, str] | None
    sub_path: str


def _store(
    conf: Mapping[str, str], path: Option, password: Option, mounted: tuple[_Mount, ...], key_password: str = ""
) -> Store | None:
    value = options.get(conf, path)
    if not value:
        return None
    return Store(value, _file(value, mounted), options.get(conf, password) or "", key_password)


def _file(path: str, mounted: tuple[_Mount, ...]) -> SecretFile | None:
    for mount in sorted(mounted, key=lambda one: -len(one.path)):
        below = path.removeprefix(mount.path.rstrip("/") + "/")
        shown = mount.sub_path if path == mount.path and mount.sub_path else below if below != path else None
        if shown is not None:
            key = shown if mount.keys is None else mount.keys.get(shown)
            if key is not None:
                return SecretFile(mount.secret, key)
    return None


def _mounted(conf: Mapping[str, str], template: Object) -> Iterator[_Mount]:
    volumes = {volume.get("name"): volume for volume in dig(template, "spec", "volumes", default=[])}
    container = podtemplates.main_container(template)
    for mount in container.get("volumeMounts") or []:
        volume = volumes.get(mount.get("name")) or {}
        for name, items in _secrets(volume):
            keys = {str(item["path"]): str(item["key"]) for item in items} if items else None
            yield _Mount(str(mount.get("mountPath")), name, keys, str(mount.get("subPath") or ""))
    try:
        listed = flattening.split_map(options.get(conf, options.SECRETS) or "")
    except ValueError:
        return
    for name, path in listed.items():
        yield _Mount(path, name, None, "")


def _secrets(volume: Object) -> Iterator[tuple[str, list[Object]]]:
    if dig(volume, "secret", "secretName"):
        yield str(volume["secret"]["secretName"]), volume["secret"].get("items") or []
    for source in dig(volume, "projected", "sources", default=[]):
        if dig(source, "secret", "name"):
            yield str(source["secret"]["name"]), source["secret"].get("items") or []
