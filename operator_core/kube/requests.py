"""Requests to the Kubernetes API as values.

Pure: building one touches no socket, so a decision can be compared in a test. Paths and parameters
follow the Kubernetes API concepts page (API groups, server-side apply, preconditions). Kinds that
the product itself reads or writes have a constant here; kinds that Git brings come from discovery.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from operator_core.jsonvalues import Json, Object

JSON_TYPE = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server serves it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection or of one object."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
EVENTS = Resource("", "v1", "events", "Event")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
FLINK_DEPLOYMENTS = Resource("flink.apache.org", "v1beta1", "flinkdeployments", "FlinkDeployment")
FLINK_SESSION_JOBS = Resource("flink.apache.org", "v1beta1", "flinksessionjobs", "FlinkSessionJob")
FLINK_STATE_SNAPSHOTS = Resource("flink.apache.org", "v1beta1", "flinkstatesnapshots", "FlinkStateSnapshot")
SYNC_APPS = Resource("gitsync.io", "v1alpha1", "syncapps", "SyncApp")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to the API server; `body` is JSON and must not be changed afterwards."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json = None
    content_type: str = JSON_TYPE
    accept: str = JSON_TYPE


def get(resource: Resource, namespace: str | None, name: str, *, subresource: str | None = None) -> Request:
    """Read one object."""
    return Request("GET", resource.path(namespace, name, subresource))


def listing(
    resource: Resource,
    namespace: str | None = None,
    *,
    labels: str = "",
    fields: str = "",
    limit: int = 500,
    continue_: str = "",
) -> Request:
    """One page of a list; `limit` objects, the next page by the `continue` token of this one."""
    page = {"continue": continue_}
    query = _query(labelSelector=labels, fieldSelector=fields, limit=str(limit), **page)
    return Request("GET", resource.path(namespace), query)


def watch(resource: Resource, namespace: str | None, *, labels: str, version: str, seconds: int) -> Request:
    """Follow changes after `version` with bookmarks; the server ends the watch after `seconds`."""
    query = _query(
        watch="1",
        allowWatchBookmarks="true",
        labelSelector=labels,
        resourceVersion=version,
        timeoutSeconds=str(seconds),
    )
    return Request("GET", resource.path(namespace), query)


def create(resource: Resource, namespace: str | None, body: Object, *, field_manager: str = "") -> Request:
    """Create; fails with AlreadyExists."""
    return Request("POST", resource.path(namespace), _query(fieldManager=field_manager), body)


def replace(resource: Resource, body: Object, *, subresource: str | None = None, field_manager: str = "") -> Request:
    """PUT; a `metadata.resourceVersion` in the body is the precondition."""
    meta = body["metadata"]
    path = resource.path(meta.get("namespace"), meta["name"], subresource)
    return Request("PUT", path, _query(fieldManager=field_manager), body)


def merge_patch(
    resource: Resource,
    namespace: str | None,
    name: str,
    body: Object,
    *,
    subresource: str | None = None,
    field_manager: str = "",
) -> Request:
    """RFC 7386 merge patch; put `metadata.resourceVersion` or `metadata.uid` into the body as precondition."""
    return Request(
        "PATCH", resource.path(namespace, name, subresource), _query(fieldManager=field_manager), body, MERGE_PATCH
    )


def json_patch(
    resource: Resource, namespace: str | None, name: str, operations: list[Object], *, subresource: str | None = None
) -> Request:
    """RFC 6902 patch; a `test` operation is the precondition."""
    return Request("PATCH", resource.path(namespace, name, subresource), (), operations, JSON_PATCH)


def apply(
    resource: Resource,
    body: Object,
    *,
    field_manager: str,
    force: bool = True,
    dry_run: bool = False,
    subresource: str | None = None,
) -> Request:
    """Server-side apply of the fields in `body` as `field_manager`."""
    meta = body["metadata"]
    query = _query(fieldManager=field_manager, force="true" if force else "", dryRun="All" if dry_run else "")
    return Request("PATCH", resource.path(meta.get("namespace"), meta["name"], subresource), query, body, APPLY_PATCH)


def delete(
    resource: Resource,
    namespace: str | None,
    name: str,
    *,
    uid: str | None = None,
    resource_version: str | None = None,
    propagation: str = "Background",
    grace_seconds: int | None = None,
) -> Request:
    """Delete; `uid` and `resource_version` are preconditions (Conflict when they do not hold)."""
    options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
    preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
    if preconditions:
        options["preconditions"] = preconditions
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    return Request("DELETE", resource.path(namespace, name), (), options)


def service_proxy(
    namespace: str,
    service_port: str,
    method: str,
    path: str,
    *,
    query: tuple[tuple[str, str], ...] = (),
    body: Json = None,
) -> Request:
    """An HTTP request to a Service through the API server; `service_port` is `name:port`."""
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{quote(service_port, safe=':')}/proxy"
    return Request(method, base + path, query, body)


def _query(**parameters: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in parameters.items() if value)


def text_of(body: Json) -> bytes:
    """A body as JSON that is YAML too, since an apply is read as YAML.

    JSON's way of escaping what is beyond the basic plane (two surrogates) is no YAML, and YAML has no bare control
    characters (YAML 1.2, 5.1 and 5.7).
    """
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
