"""Whether a project allows a repository, a namespace or a kind; a refusal names the rule.

Pure. As Argo CD: what no entry of a list allows is refused, an entry with `!` refuses what it names
whatever else allows it, and a kind must be on the list of allowed ones and on none of denied ones.
"""

from collections.abc import Iterable
from dataclasses import replace

from gitsync.model.identities import Identity
from gitsync.model.plans import Desired, Keep, Plan, Prune
from gitsync.model.projects import Kind, Project
from gitsync.model.syncstatuses import Problem
from gitsync.plan import patterns
from operator_core.errors import Reason, Stalled
from operator_core.kube.requests import Resource

_SERVER = "https://kubernetes.default.svc"
_NAME = "in-cluster"


def check_source(project: Project, url: str, normalised: str) -> None:
    """Raise Stalled(ProjectRefused) for a repository the project does not allow; patterns count `/`.

    `normalised`: the URL in the form that is compared, without `.git`, in small letters.
    """
    allowed = False
    for pattern in project.source_repos:
        plain = pattern.rstrip("/").removesuffix(".git")
        if patterns.matches(plain.lower(), normalised.lower(), separator="/"):
            allowed = True
        elif patterns.is_denial(pattern):
            raise _refused(project, f"the repository {url}", f"sourceRepos has {pattern!r}")
    if not allowed:
        raise _refused(project, f"the repository {url}", f"sourceRepos has {_shown(project.source_repos)}")


def check_namespace(project: Project, namespace: str) -> None:
    """Raise Stalled(ProjectRefused) for a namespace of this cluster the project does not allow."""
    problem = _namespace_problem(project, namespace)
    if problem:
        raise _refused(project, f"the destination namespace {namespace!r}", problem)


def refusals(project: Project, desired: Iterable[Desired]) -> tuple[Problem, ...]:
    """What of a revision the project does not allow, with its place in Git."""
    found = []
    for one in desired:
        problem = _object_problem(project, one.identity, one.resource)
        if problem:
            message = f"{one.identity.shown}: {problem}"
            shown = one.identity.shown
            found.append(
                Problem(reason=Reason.ProjectRefused, message=message, file=one.file, line=one.line, object=shown)
            )
    return tuple(found)


def without_refused_prunes(project: Project, plan: Plan) -> Plan:
    """The plan without deletions of what the project does not allow any more: such objects are kept."""
    removals = tuple(_kept(project, one) if isinstance(one, Prune) else one for one in plan.removals)
    if removals == plan.removals:
        return plan
    return replace(plan, removals=removals)


def _kept(project: Project, prune: Prune) -> Prune | Keep:
    problem = _object_problem(project, prune.identity, prune.resource)
    return Keep(prune.identity, prune.resource.version, problem, blocks=False) if problem else prune


def _object_problem(project: Project, identity: Identity, resource: Resource) -> str:
    kind = _kind_problem(project, identity, resource)
    if kind:
        return str(_refused(project, f"the kind {identity.kind}{_of(identity.group)}", kind))
    if resource.namespaced:
        where = _namespace_problem(project, identity.namespace)
        if where:
            return str(_refused(project, f"the namespace {identity.namespace!r}", where))
    return ""


def _kind_problem(project: Project, identity: Identity, resource: Resource) -> str:
    if resource.namespaced:
        listed, denied = project.namespace_resource_whitelist, project.namespace_resource_blacklist
        lists = ("namespaceResourceWhitelist", "namespaceResourceBlacklist")
    else:
        listed, denied = project.cluster_resource_whitelist, project.cluster_resource_blacklist
        lists = ("clusterResourceWhitelist", "clusterResourceBlacklist")
    if any(_fits(kind, identity) for kind in denied):
        return f"{lists[1]} has it"
    if listed is not None and not any(_fits(kind, identity) for kind in listed):
        return f"{lists[0]} does not have it"
    return ""


def _fits(kind: Kind, identity: Identity) -> bool:
    named = not kind.name or patterns.matches(kind.name, identity.name)
    return named and patterns.matches(kind.group, identity.group) and patterns.matches(kind.kind, identity.kind)


def _namespace_problem(project: Project, namespace: str) -> str:
    allowed = False
    for one in project.destinations:
        server = patterns.matches(one.server, _SERVER) if one.server else False
        name = patterns.matches(one.name, _NAME) if one.name else False
        inside = patterns.matches(one.namespace, namespace)
        if (server or name) and inside:
            allowed = True
            continue
        for pattern, fits in ((one.server, server), (one.name, name), (one.namespace, inside)):
            if not fits and patterns.is_denial(pattern):
                return f"destinations has {pattern!r}"
    if allowed:
        return ""
    return f"destinations has {_shown(one.namespace for one in project.destinations)}"


def _of(group: str) -> str:
    return f" of {group}" if group else ""


def _shown(listed: Iterable[str]) -> str:
    return ", ".join(repr(one) for one in listed) or "nothing"


def _refused(project: Project, what: str, rule: str) -> Stalled:
    return Stalled(Reason.ProjectRefused, f"the project {project.name!r} does not allow {what}: {rule}")
