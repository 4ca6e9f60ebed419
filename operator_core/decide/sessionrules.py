"""Whether a FlinkSessionJob can be submitted as it is written, before anything is touched.

The Java operator's rules in its order, each finding one sentence with the field, what is wrong and what to do. Rules
about the job on its cluster are asked only where the cluster is known. Whether a jar's host exists is not asked here:
fetching tells. A job that fails keeps running on its last good spec; that is the controller's part.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult

from operator_core import errors
from operator_core.conf import defaults as layers
from operator_core.conf import effective, flattening, options
from operator_core.conf.defaults import Defaults
from operator_core.decide import rulings, specrules
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments
from operator_core.model.flinkdeployments import FlinkDeploymentSpec
from operator_core.model.flinksessionjobs import FlinkSessionJob, FlinkSessionJobSpec
from operator_core.model.lastspecs import LastSpec

_CLUSTER_ID: Final = re.compile(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?")
_FORBIDDEN: Final = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")
_JAR_EXAMPLE: Final = "https://repository.example.com/job.jar"
LOCAL_SCHEMES: Final = ("file", "local")


@dataclass(frozen=True, slots=True)
class Candidate:
    """`cluster` None: not known. `conf`: the cluster's configuration, or the defaults, with the job's own above."""

    job: FlinkSessionJob
    last: LastSpec | None
    cluster: Object | None
    conf: Mapping[str, str]
    defaults: Defaults

    @property
    def spec(self) -> FlinkSessionJobSpec:
        return self.job.spec


def validate(
    job: FlinkSessionJob, last: LastSpec | None, cluster: Object | None, defaults: Defaults
) -> tuple[str, ...]:
    """Every finding, the first failing rule first; empty: valid. `cluster` is the FlinkDeployment it names."""
    try:
        conf = configuration(job.spec, job.metadata.namespace, cluster_spec(cluster), defaults)
    except errors.Stalled as error:
        return (error.message,)
    return rulings.findings(_RULES, Candidate(job, last, cluster, conf, defaults))


def configuration(
    spec: FlinkSessionJobSpec, namespace: str, cluster: FlinkDeploymentSpec | None, defaults: Defaults
) -> Mapping[str, str]:
    """The session cluster's effective configuration with the job's own above it; without a cluster the defaults'."""
    name = spec.deployment_name or ""
    merged = dict(
        effective.effective(cluster or FlinkDeploymentSpec(), name=name, namespace=namespace, defaults=defaults)
    )
    layers.overlay(merged, flattening.flatten(spec.flink_configuration))
    return merged


def cluster_spec(cluster: Object | None) -> FlinkDeploymentSpec | None:
    """The spec of a session cluster that can be read."""
    try:
        return flinkdeployments.parse_spec(dig(cluster, "spec", default={})) if cluster is not None else None
    except errors.Stalled:
        return None


def _cluster_is_named(candidate: Candidate) -> Iterator[str]:
    name = candidate.spec.deployment_name
    if not name:
        yield "spec.deploymentName is missing; name the session cluster's FlinkDeployment"
        return
    if not _CLUSTER_ID.fullmatch(name):
        yield (
            f"spec.deploymentName: {name!r} cannot be the name of a FlinkDeployment; use at most 45 lower-case "
            "letters, digits and '-', beginning with a letter"
        )
    was = candidate.last.spec.get("deploymentName") if candidate.last else None
    if was is not None and was != name:
        yield (
            f"spec.deploymentName cannot change from {was} to {name}; delete the session job and make a new one, "
            "with initialSavepointPath set to its newest savepoint"
        )


def _job_is_there(candidate: Candidate) -> Iterator[str]:
    job = candidate.spec.job
    if job is None:
        yield "spec.job is missing; set the job to submit"
        return
    if not job.jar_uri and not job.entry_class:
        yield (
            f"spec.job.jarURI is missing; set where the job's jar is, for instance {_JAR_EXAMPLE}, or "
            "spec.job.entryClass for a class that the cluster has"
        )
    if job.parallelism < 1:
        yield f"spec.job.parallelism must be at least 1 (it is {job.parallelism or 'not set'}); set it"


def _keys_are_allowed(candidate: Candidate) -> Iterator[str]:
    own = flattening.flatten(candidate.spec.flink_configuration)
    for key in _FORBIDDEN:
        if key in own:
            yield f"spec.flinkConfiguration[{key}] is set by the operator; remove it"


def _jar_can_be_fetched(candidate: Candidate) -> Iterator[str]:
    text = candidate.spec.job.jar_uri if candidate.spec.job else None
    if not text:
        return
    url = specrules.url_of(text)
    if url is None or re.search(r"[\s<>\"{}|\\^`]", text):
        yield f"spec.job.jarURI: {text!r} is not a valid URI; write for instance {_JAR_EXAMPLE} (spaces as %20)"
        return
    if not url.scheme:
        yield f"spec.job.jarURI: {text!r}: jarURI must include a scheme; write for instance {_JAR_EXAMPLE}"
        return
    yield from _scheme_is_allowed(candidate, url.scheme.lower())
    if url.scheme.lower() in ("http", "https"):
        yield from _host_is_public(candidate, url)


def _scheme_is_allowed(candidate: Candidate, scheme: str) -> Iterator[str]:
    if scheme in LOCAL_SCHEMES:
        if not artifact_directory(candidate.defaults):
            yield (
                f"spec.job.jarURI: scheme '{scheme}' is read only below the directory that "
                f"{options.ARTIFACT_DIRECTORY.key} names in the operator's configuration, which is not set; use https"
            )
        return
    allowed = allowed_schemes(candidate.defaults)
    if scheme not in allowed:
        yield (
            f"spec.job.jarURI: scheme '{scheme}' is not in the allowlist [{', '.join(allowed)}]; use one of these, or "
            f"extend {options.ARTIFACT_SCHEMES.key} in the operator's configuration"
        )


def _host_is_public(candidate: Candidate, url: SplitResult) -> Iterator[str]:
    host = url.hostname
    if not host:
        yield f"spec.job.jarURI: {url.geturl()!r} names no host; write for instance {_JAR_EXAMPLE}"
    elif hosts_are_restricted(candidate.defaults) and (host.lower() == "localhost" or is_restricted(host)):
        yield (
            f"spec.job.jarURI: host '{host}' is a restricted address (loopback, link-local, private); use a public "
            f"host, or set {options.ARTIFACT_RESTRICTED_HOSTS.key} to false in the operator's configuration"
        )


def allowed_schemes(defaults: Defaults) -> tuple[str, ...]:
    """Schemes of remote jars, lower case; an option of the operator alone."""
    text = options.get(defaults.given, options.ARTIFACT_SCHEMES) or ""
    return tuple(part.strip().lower() for part in re.split("[;,]", text) if part.strip())


def hosts_are_restricted(defaults: Defaults) -> bool:
    """Whether jars may not come from loopback, link-local and private addresses; an option of the operator alone."""
    return options.get_bool(defaults.given, options.ARTIFACT_RESTRICTED_HOSTS)


def artifact_directory(defaults: Defaults) -> str | None:
    """The one directory below which `file:` and `local:` jars are read; an option of the operator alone."""
    return options.get(defaults.given, options.ARTIFACT_DIRECTORY)


def is_restricted(address: str) -> bool:
    """Whether a literal address is loopback, link-local, private, multicast or unspecified; names are not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_private or ip.is_multicast or ip.is_unspecified


def _state_can_be_kept(candidate: Candidate) -> Iterator[str]:
    if candidate.spec.job is not None and cluster_spec(candidate.cluster) is not None:
        where = "in spec.flinkConfiguration of the job or of its session cluster"
        yield from specrules.directories_for_state(candidate.spec.job, candidate.conf, where)


def _cluster_takes_jobs(candidate: Candidate) -> Iterator[str]:
    if dig(candidate.cluster, "spec", "job") is not None:
        yield (
            f"spec.deploymentName: {candidate.spec.deployment_name} is an application cluster, which runs its own job "
            "only; name a FlinkDeployment without spec.job"
        )


def _redeploy_has_a_path(candidate: Candidate) -> Iterator[str]:
    job = candidate.spec.job
    nonce = job.savepoint_redeploy_nonce if job else None
    before = dig(candidate.last.spec, "job", "savepointRedeployNonce") if candidate.last else None
    changed = candidate.last is not None and nonce is not None and nonce != before
    if job is not None and changed and not job.initial_savepoint_path:
        yield (
            "spec.job.savepointRedeployNonce redeploys from spec.job.initialSavepointPath, which is missing; "
            "set the path of the savepoint to start from"
        )


_RULES: tuple[Callable[[Candidate], Iterator[str]], ...] = (
    _cluster_is_named,
    _job_is_there,
    _keys_are_allowed,
    _jar_can_be_fetched,
    _cluster_takes_jobs,
    _state_can_be_kept,
    _redeploy_has_a_path,
)
