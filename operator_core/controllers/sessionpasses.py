"""The facts of one pass over a FlinkSessionJob: caches only, and the live read or Flink's answers that are asked for.

The session cluster is seen as it was deployed: its recorded spec gives the configuration under which the job is
watched, until there is one the spec that it asks for. Decides nothing.
"""

from dataclasses import replace

from operator_core.conf.defaults import Defaults
from operator_core.controllers import flinkanswers, observe
from operator_core.controllers.passes import Pass, Place, predecessor_of, snapshots_of
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.decide import sessionrules
from operator_core.decide.facts import Ids
from operator_core.decide.needs import Need
from operator_core.decide.sessionfacts import Session, SessionFacts
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.model import flinkdeployments, flinksessionjobs, lastspecs
from operator_core.model.flinkdeployments import FlinkDeploymentSpec
from operator_core.model.flinksessionjobs import FlinkSessionJob, FlinkSessionJobSpec, FlinkSessionJobStatus

SessionPass = Pass[FlinkSessionJobStatus]


def begin(session: SessionWorld, resource: Object) -> SessionPass:
    """A pass over what the cache shows. A status nobody can read raises Stalled."""
    written = resource.get("status") or {}
    status = flinksessionjobs.parse({"metadata": resource["metadata"], "status": written}).status
    place = Place(requests.FLINK_SESSION_JOBS, flinksessionjobs.FINALIZER, session.jobs)
    return Pass(resource=resource, status=status, known=status, written=written, place=place)


def facts(session: SessionWorld, run: SessionPass) -> SessionFacts:
    """All that is known without asking anybody."""
    world = session.world
    parsed, invalid = _parsed(run.resource)
    last = lastspecs.deployed(run.status.reconciliation_status)
    last_spec = flinksessionjobs.parse_spec(last.spec) if last is not None else None
    name = (
        (last_spec or FlinkSessionJobSpec()).deployment_name or (parsed.spec.deployment_name if parsed else None) or ""
    )
    cluster = world.resources.get(run.namespace, name) if name else None
    if parsed is not None:
        invalid = "; ".join(sessionrules.validate(parsed, last, cluster, world.defaults)) or None
    own = parsed.spec if parsed is not None and invalid is None else last_spec
    deployed = _deployed_spec(cluster)
    return SessionFacts(
        resource=run.resource,
        parsed=parsed,
        invalid=invalid,
        status=run.status,
        last=last,
        conf=_conf(own, name, run.namespace, deployed, world.defaults),
        last_conf=_conf(last_spec or own, name, run.namespace, deployed, world.defaults),
        session=Session(
            name=name,
            resource=cluster,
            deployment=world.deployments.get(run.namespace, name) if name else None,
            pods=world.pods(run.namespace, name) if name else (),
            spec=deployed,
        ),
        submission=session.lane.known(run.namespace, run.name),
        now=world.clock.now(),
        ids=Ids(job=world.new_id(), trigger=world.new_id()),
        snapshots=snapshots_of(world, run),
        predecessor=predecessor_of(world, run),
    )


def look(session: SessionWorld, facts: SessionFacts, needs: tuple[Need, ...]) -> SessionFacts:
    """The facts with what was asked for filled in. Raises kube.errors."""
    for need in needs:
        if need is Need.LIVE_SESSION:
            facts = replace(facts, session=replace(facts.session, live=_live(session, facts)))
            continue
        if need is Need.NAMESPACE_ENDS:
            facts = replace(facts, namespace_ends=observe.namespace_ends(session.world, facts.namespace))
            continue
        address = observe.address_of(facts)
        told = flinkanswers.ask(session.world.flink, address, facts.status.job_status, facts.flink, need)
        if told is None:
            raise ValueError(f"nobody can tell a session job's {need}")
        facts = replace(facts, flink=told)
    return facts


def _live(session: SessionWorld, facts: SessionFacts) -> Object | None:
    try:
        request = requests.get(requests.FLINK_DEPLOYMENTS, facts.namespace, facts.session.name)
        live = session.world.api.send(request)
    except errors.NotFound:
        return None
    session.world.resources.observed(live)
    return live


def _parsed(resource: Object) -> tuple[FlinkSessionJob | None, str | None]:
    try:
        return flinksessionjobs.parse({key: value for key, value in resource.items() if key != "status"}), None
    except Stalled as error:
        return None, error.message


def _deployed_spec(cluster: Object | None) -> FlinkDeploymentSpec | None:
    """The spec that the session cluster was deployed with, or is to be."""
    text = dig(cluster, "status", "reconciliationStatus", "lastReconciledSpec")
    if not text:
        return sessionrules.cluster_spec(cluster)
    try:
        return flinkdeployments.parse_spec(lastspecs.decode(str(text)).spec)
    except Stalled:
        return sessionrules.cluster_spec(cluster)


def _conf(
    spec: FlinkSessionJobSpec | None, name: str, namespace: str, cluster: FlinkDeploymentSpec | None, defaults: Defaults
) -> dict[str, str]:
    """A configuration that cannot be read is that of a job which sets nothing: deletion must still go on."""
    own = spec or FlinkSessionJobSpec()
    for each in (own.model_copy(update={"deployment_name": name}), FlinkSessionJobSpec(deployment_name=name)):
        try:
            return dict(sessionrules.configuration(each, namespace, cluster, defaults))
        except Stalled:
            continue
    return {}
