"""How `gitsync plan` gets its two sides: revisions from a mirror, or a revision and the live cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from gitsync.apply import applying, sending
from gitsync.cli import liveplans, locating
from gitsync.cli.run import local_path, option
from gitsync.desired import opening
from gitsync.desired.aims import problem_from
from gitsync.git.access import Credentials
from gitsync.git.mirrors import Mirror
from gitsync.model import syncapps
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Desired, Plan, Update
from gitsync.model.rendersets import RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.syncstatuses import Problem
from gitsync.plan import preparing, previews
from gitsync.plan.preparing import Place, Prepared
from gitsync.plan.previews import Preview
from gitsync.render import rendering
from gitsync.render.agekeys import AgeKeys
from gitsync.render.buildenvironment import AppContext
from gitsync.render.selecting import Source
from gitsync.sandbox import caches
from operator_core.conf.defaults import Defaults
from operator_core.errors import AgentError, Reason, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    repo: str
    old: str
    new: str
    source: Source
    namespace: str
    defaults: Defaults
    credentials: Credentials | None
    live_app: AppName | None
    context: str | None
    age_keys: AgeKeys
    own_path: bool
    """Whether the command line says which directory is read, and not the SyncApp."""
    login: tuple[object, object] = (None, None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A preview and what was compared."""

    old: str
    new: str
    path: str
    preview: Preview

    def to_json(self) -> Object:
        """For programs."""
        return {
            "old": self.old,
            "new": self.new,
            "path": self.path,
            "changes": [row.to_json() for row in self.preview.rows],
            "problems": [p.model_dump(by_alias=True, exclude_none=True) for p in self.preview.problems],
        }


def asked(revisions: tuple[str, ...], options: Mapping[str, object]) -> Asked:
    """The values of the command line."""
    live = bool(options["live"])
    old = revisions[0] if len(revisions) == 2 or (revisions and not live) else "HEAD^"
    new = revisions[-1] if len(revisions) == 2 or (revisions and live) else "HEAD"
    given = options["defaults"]
    password_file = options["git_password_file"]
    credentials = None
    if isinstance(password_file, Path):
        try:
            password = password_file.read_text().strip()
        except OSError as error:
            raise click.FileError(str(password_file), error.strerror or "cannot be read") from error
        credentials = Credentials(str(options["git_username"] or "git"), password)
    return Asked(
        repo=local_path(str(options["repo"])) or "",
        old=old,
        new=new,
        source=Source(path=str(options["path"]), recurse=bool(options["recurse"])),
        namespace=str(options["destination_namespace"]),
        defaults=Defaults(dict(option(one) for one in given) if isinstance(given, tuple) else {}),
        credentials=credentials,
        live_app=AppName(str(options["namespace"]), str(options["app"])) if live else None,
        context=str(options["context"]) if options["context"] else None,
        age_keys=locating.age_keys(options["age_key_file"]),
        own_path=bool(options["own_path"]),
        login=(options["git_username"], password_file),
    )


def preview(wanted: Asked) -> Outcome:
    """Render both sides and compare them."""
    if wanted.live_app is not None:
        return _against_cluster(wanted, wanted.live_app)
    mirror = Mirror(wanted.repo, caches.cache_dir() / "mirrors", credentials=wanted.credentials)
    new = resolve(mirror, wanted.new)
    rendered = _render(mirror, new, wanted)
    path = rendered.path or "."
    old = resolve(mirror, wanted.old)
    before = _render_old(mirror, old, wanted)
    app, place = AppName("", "plan"), Place(wanted.namespace)
    after = preparing.prepare(rendered.objects, previews.offline_kinds(rendered.objects), app, place)
    earlier = preparing.prepare(before.objects, previews.offline_kinds(before.objects), app, place)
    found = previews.between(earlier, _with_render_errors(after, rendered), wanted.defaults)
    if not rendered.ok:
        found = Preview((), found.problems)
    return Outcome(_shown(old), _shown(new), path, found)


def resolve(mirror: Mirror, name: str) -> Revision:
    """A branch, tag or commit, with Git's suffixes (`HEAD^`, `main~3`)."""
    cut = min((name.index(mark) for mark in "^~" if mark in name), default=len(name))
    found = mirror.resolve(name[:cut] or "HEAD", max_age=30.0)
    if cut == len(name):
        return found
    sha = mirror.local("rev-parse", "--verify", "--quiet", f"{found.sha}{name[cut:]}^{{commit}}", quiet=True)
    if not sha.strip():
        text = f"{name!r} names no commit of {mirror.url}: {name[:cut]} is {found.short} and has no such ancestor"
        raise Stalled(Reason.RevisionNotFound, text)
    return mirror.revision(sha.decode().strip(), name)


def _render(mirror: Mirror, revision: Revision, wanted: Asked) -> RenderSet:
    opener = wanted.age_keys.open_key if wanted.age_keys.identities else None
    context = AppContext("release", destination="default", open_key=opener, find_chart=locating.chart)
    rendered = rendering.render(mirror, revision, wanted.source, app=context)
    return opening.opened(rendered, {0: rendered}, [mirror], wanted.age_keys) if opener is not None else rendered


def _render_old(mirror: Mirror, revision: Revision, wanted: Asked) -> RenderSet:
    """The side that is left; a path that did not exist yet, or was broken, is an empty side."""
    try:
        return _render(mirror, revision, wanted)
    except Stalled as error:
        if error.reason is not Reason.PathNotFound:
            raise
        return RenderSet(revision, wanted.source.path)


def _with_render_errors(prepared: Prepared, rendered: RenderSet) -> Prepared:
    problems = (*(problem_from(error) for error in rendered.errors), *prepared.problems)
    return Prepared(prepared.desired, prepared.waiting, problems, prepared.warnings)


def _shown(revision: Revision) -> str:
    name = "" if revision.sha.startswith(revision.ref.lower()) else f"{revision.ref} "
    return f"{name}{revision.short} ({revision.subject})"


def _against_cluster(wanted: Asked, app: AppName) -> Outcome:
    """Beside the cluster: read as the SyncApp says where there is one, else as the command line does."""
    client = Client.connect(context=wanted.context)
    rendered, new, namespace, problems = _live_side(client, wanted, app)
    side = f"cluster ({app})", _shown(new), rendered.path or "."
    if not rendered.ok or problems:
        return Outcome(*side, Preview((), (*problems, *(problem_from(error) for error in rendered.errors))))
    found = liveplans.make(client, app, rendered, new.sha, namespace)
    dry, refused = dry_run(client, found.plan)
    shown = previews.against_cluster(found.plan, found.live, dry, wanted.defaults)
    return Outcome(*side, Preview(shown.rows, (*shown.problems, *refused)))


def _live_side(client: Client, wanted: Asked, app: AppName) -> tuple[RenderSet, Revision, str, tuple[Problem, ...]]:
    """What was rendered at which commit, the namespace of what names none, and what is wrong."""
    try:
        known = syncapps.parse(client.send(requests.get(requests.SYNC_APPS, app.namespace, app.name)))
    except errors.NotFound:
        known = None
    if known is None or wanted.own_path:
        mirror = Mirror(wanted.repo, caches.cache_dir() / "mirrors", credentials=wanted.credentials)
        new = resolve(mirror, wanted.new)
        return _render(mirror, new, wanted), new, wanted.namespace, ()
    from gitsync.cli import apprenders  # It resolves names by this module.

    asked = apprenders.Asked(known, wanted.new, app.namespace, wanted.repo, *wanted.login, wanted.age_keys)
    made = apprenders.render(client, asked)
    whole = replace(made.whole, errors=())
    return whole, made.revision, known.spec.destination.namespace or wanted.namespace, made.problems


def dry_run(client: Client, plan: Plan) -> tuple[dict[Identity, Object], tuple[Problem, ...]]:
    """What the API server would answer to every write, and what it would refuse."""
    answers: dict[Identity, Object] = {}
    refused: list[Problem] = []

    def ask(form: Desired) -> Object:
        return client.send(sending.strict_apply(form, dry_run=True))

    for step in plan.steps:
        if isinstance(step, Create | Update):
            try:
                answers[step.desired.identity] = sending.whole(ask, step, step.desired, dry_run=True)
            except errors.Unreachable:
                raise
            except AgentError as error:
                refused.append(applying.problem_of(step.desired, error))
    return answers, tuple(refused)
