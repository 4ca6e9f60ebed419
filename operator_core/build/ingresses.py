"""The Ingress a FlinkDeployment asks for: one rule to the cluster's REST Service.

The template is a URL without scheme, `host[/path]` or `/path`, with {{name}} and {{namespace}} in any case.
"""

import re
from urllib.parse import urlsplit

from operator_core.build import names
from operator_core.jsonvalues import Object
from operator_core.model.flinkdeployments import FlinkDeployment


def ingress(deployment: FlinkDeployment, rest_port: int) -> Object | None:
    """The networking.k8s.io/v1 Ingress without owner; None where the spec asks for none."""
    asked, meta = deployment.spec.ingress, deployment.metadata
    if asked is None:
        return None
    url = urlsplit(_url(asked.template or "", meta.name, meta.namespace))
    backend = {"service": {"name": names.rest_service(meta.name), "port": {"number": rest_port}}}
    path: Object = {"pathType": "ImplementationSpecific", "backend": backend}
    if url.path:
        path["path"] = url.path
    rule: Object = {"http": {"paths": [path]}}
    if url.hostname:
        rule["host"] = url.hostname
    spec: Object = {"rules": [rule]}
    if asked.class_name:
        spec["ingressClassName"] = asked.class_name
    if asked.tls:
        spec["tls"] = [tls.to_json() for tls in asked.tls]
    labels = (asked.labels or {}) | {"component": "ingress"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": names.metadata(meta.name, meta.namespace, labels, asked.annotations),
        "spec": spec,
    }


def _url(template: str, name: str, namespace: str) -> str:
    for variable, value in (("name", name), ("namespace", namespace)):
        template = re.sub(r"\{\{" + variable + r"}}", value, template, flags=re.IGNORECASE)
    return template if "://" in template else f"http://{template}"
