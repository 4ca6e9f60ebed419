"""Where the REST API of a deployed cluster is, and with which TLS: from its recorded spec and its configuration."""

from collections.abc import Mapping

from operator_core.conf import options, resttls
from operator_core.flink.rest import Address
from operator_core.model import podtemplates
from operator_core.model.flinkdeployments import FlinkDeploymentSpec


def of(namespace: str, name: str, conf: Mapping[str, str], spec: FlinkDeploymentSpec | None) -> Address:
    """`conf` is the effective configuration it was deployed with, `spec` the recorded spec."""
    port = options.get_int(conf, options.REST_PORT)
    if not options.get_bool(conf, options.REST_SSL):
        return Address(namespace, name, port)
    by_name = options.get_bool(conf, options.MERGE_ARRAYS_BY_NAME)
    common = spec.pod_template if spec is not None else None
    role = spec.job_manager if spec is not None else None
    template = podtemplates.merged(common, role.pod_template if role is not None else None, by_name=by_name)
    return Address(namespace, name, port, resttls.of(conf, template))
