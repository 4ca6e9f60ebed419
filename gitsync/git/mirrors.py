"""One bare mirror per repository: probed cheaply, fetched only when it moved, shared by all its apps.

Knows how to bring commits here and which commit a name means; what is in them is read by `trees`.
Nothing is ever checked out. A mirror can be deleted at any time, also by a crash: locks and
half-written packs a killed process left are swept, a damaged mirror is made anew. Several
processes may use one mirror; writers exclude each other with a file lock that their children hold too.
"""

import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gitsync.git import access, commands, failures, locks, partials, refs, urls
from gitsync.git.memos import Memo
from gitsync.model.revisions import Revision
from operator_core.errors import Reason, Retry, Stalled

PROBE_TIMEOUT = 30.0
FETCH_TIMEOUT = 600.0
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"^{refs.OWN_BRANCHES}*")
FETCH_OPTIONS = ("--quiet", "--no-tags", "--no-auto-gc", "--no-write-fetch-head", "--no-recurse-submodules")
_MOST_PACKS = 40
"""Packs after which they are combined: Git slows down with their number, and gc is off."""
_REMEMBERED = 256


class Mirror:
    """The mirror of one repository. All methods may be called from several threads."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *,
        credentials: access.Credentials | None = None,
        policy: urls.Policy | None = None,
        git: commands.Commands | None = None,
        remote: urls.Remote | None = None,
    ) -> None:
        """`directory` is where mirrors are kept; raises Stalled(RepositoryRefused) for a URL that is not allowed.

        `remote` is for what is no Git repository and only kept as one.
        """
        self.policy = policy or urls.Policy()
        self.remote = remote or urls.parse(url, self.policy, credentials)
        self.directory = directory / f"{self.remote.directory_name}.git"
        self._git = git or commands.Commands(directory / "home")
        self._writers = locks.WriterLock(self.directory)
        # Held for as long as a probe or a fetch takes; what only reads the mirror never waits for it.
        self._lock = threading.RLock()
        self.complete: set[str] = set()
        """Commits whose submodules are here."""
        self.partial = partials.is_asked(self.remote)
        self.brought = 0
        """How often contents of files came; what was said of those that are not here is old then."""
        self._known = refs.Refs()
        self._probed_at: float | None = None
        self._fetched: Mapping[str, str] | None = None
        self._commits: Memo[str] = Memo(_REMEMBERED)
        self._revisions: Memo[Revision] = Memo(_REMEMBERED)
        if not self.partial and partials.is_marked(self.directory):
            with self._writers.held():
                self._discard()

    @property
    def url(self) -> str:
        """The repository's URL, without credentials."""
        return self.remote.url

    def resolve(self, ref: str, *, max_age: float = 0.0) -> Revision:
        """The commit `ref` names now, with its objects in the mirror.

        Asks the repository unless it was asked less than `max_age` seconds ago or `ref` is a commit
        that is here already. Raises Stalled(RevisionNotFound or RevisionAmbiguous) and
        Retry(RepositoryUnreachable).
        """
        if refs.is_full(ref) and self._peeled(ref.lower()):
            return self.revision(ref.lower(), ref)
        advertised = self.refresh(max_age=max_age)
        match refs.choose(ref, advertised, self.url):
            case refs.Exact(sha):
                self._fetch_commit(sha)
                found = self._peeled(sha)
            case refs.Advertised(sha):
                found = self._peeled(sha)
            case refs.Shortened(prefix):
                found = self._peeled(prefix)
        if not found:
            raise refs.not_found(ref, advertised, self.url)
        return self.revision(found, ref)

    def revision(self, sha: str, ref: str) -> Revision:
        """What is told of a commit that is in the mirror."""
        known = self._revisions.get(sha)
        if known is not None:
            return replace(known, ref=ref)
        options = ("-1", "--no-show-signature", "--format=%H%x00%ct%x00%an%x00%s")
        text = self.local("log", *options, f"{sha}^{{commit}}", "--").decode("utf-8", "replace")
        full, seconds, author, subject = text.rstrip("\n").split("\0")
        revision = Revision(self.url, ref, full, datetime.fromtimestamp(int(seconds), UTC), author, subject)
        self._revisions.put(sha, revision)
        return revision

    def has_commit(self, sha: str) -> bool:
        """Whether the commit with this full id is in the mirror."""
        return bool(self._peeled(sha))

    def refresh(self, *, max_age: float = 0.0) -> refs.Refs:
        """What the repository advertises; one probe, and one fetch if that differs from the mirror."""
        asked_at = time.monotonic()
        with self._lock:
            # A probe that began while this caller waited for the lock answers it as well.
            if self._probed_at is not None and self._probed_at >= asked_at - max_age:
                return self._known
            began = time.monotonic()
            probed = self._probe()
            if probed.names and probed.names != self._mirrored():
                self._fetch(_REFSPECS, sha_length=len(next(iter(probed.names.values()))))
                # What was fetched counts: the repository may have moved since the probe.
                probed = refs.Refs(self._mirrored(), probed.head_target, probed.head_sha)
            self._known, self._probed_at = probed, began
            return probed

    def local(self, *arguments: str, stdin: bytes | None = None, quiet: bool = False) -> bytes:
        """Standard output of a Git command on the mirror alone; with `quiet` a failure gives b"".

        Raises Retry(RepositoryUnreachable) when it fails; a damaged mirror is thrown away, so that
        the next pass makes it anew.
        """
        try:
            output = self._git.run(self.directory, arguments, commands.Call(stdin=stdin))
        except commands.TimedOut as error:
            raise Retry(Reason.RepositoryUnreachable, f"the mirror of {self.url} is too slow: {error}") from error
        if output.status == 0:
            return output.stdout
        damaged = failures.is_corrupt(output.stderr) or not (self.directory / "HEAD").exists()
        if quiet and not damaged:
            return b""
        if damaged:
            with self._lock, self._writers.held():
                self._discard()
        after = "; it is made anew" if damaged else ""
        detail = failures.first_line(output.stderr)
        raise Retry(Reason.RepositoryUnreachable, f"the mirror of {self.url} cannot be read: {detail}{after}")

    def run(self, *arguments: str, call: commands.Call) -> commands.Output:
        """A Git command on the mirror alone; its status is for the caller to judge. Raises Retry when it hangs."""
        try:
            return self._git.run(self.directory, arguments, call)
        except commands.TimedOut as error:
            raise Retry(Reason.RepositoryUnreachable, f"the mirror of {self.url} is too slow: {error}") from error

    def tag_of(self, ref: str, sha: str) -> refs.Advertised | None:
        """The annotated tag that `ref` leads to commit `sha` by; None where it leads there by none."""
        if refs.is_full(ref):
            return None
        try:
            match refs.choose(ref, refs.Refs(self._mirrored()), self.url):
                case refs.Advertised(found) as tag if found != sha and self._peeled(found) == sha:
                    return tag
                case _:
                    return None
        except Stalled:
            return None

    def exchange(
        self,
        *arguments: str,
        timeout: float = PROBE_TIMEOUT,
        stdin: bytes | None = None,
        remote: urls.Remote | None = None,
        config: tuple[tuple[str, str], ...] = (),
    ) -> commands.Output:
        """Run a Git command that writes the mirror or talks to the repository, or to another one."""
        other = remote or self.remote
        config += partials.settings(other) if other is self.remote else ()
        with self._lock, self._writers.held() as lock:
            call = commands.Call(stdin=stdin, timeout=timeout, remote=other, keep_open=lock, config=config)
            try:
                return self._git.run(self.directory, arguments, call)
            except commands.TimedOut as error:
                self._writers.sweep()
                raise failures.timed_out(other.url, timeout) from error

    def fetch_from(self, remote: urls.Remote, refspecs: tuple[str, ...]) -> commands.Output:
        """Bring commits of another repository, a submodule's, into this mirror; its status is the caller's to judge."""
        arguments = ("fetch", *FETCH_OPTIONS, "--", remote.url, *refspecs)
        return self.exchange(*arguments, timeout=FETCH_TIMEOUT, remote=remote)

    def _probe(self) -> refs.Refs:
        call = commands.Call(timeout=PROBE_TIMEOUT, remote=self.remote)
        patterns = ("HEAD", "refs/heads/*", "refs/tags/*")
        try:
            output = self._git.run(None, ("ls-remote", "--symref", "--", self.url, *patterns), call)
        except commands.TimedOut as error:
            raise failures.timed_out(self.url, PROBE_TIMEOUT) from error
        if output.status:
            raise failures.unreachable(self.url, output.stderr, output.wait)
        return refs.parse_advertisement(output.stdout.decode("utf-8", "replace"))

    def _mirrored(self) -> Mapping[str, str]:
        """Branches and tags the mirror has; asked of Git once, and known from then on."""
        if not self.directory.exists():
            return {}
        if self._fetched is None:
            listing = self.local("for-each-ref", "--format=%(objectname)%09%(refname)", "refs/heads", "refs/tags")
            self._fetched = refs.parse_advertisement(listing.decode("utf-8", "replace")).names
        return self._fetched

    def _peeled(self, name: str) -> str:
        """The commit id of an object id or its unambiguous start; empty if the mirror has no such commit."""
        if not self.directory.exists():
            return ""
        known = self._commits.get(name)
        if known is not None:
            return known
        sha = self.local("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", quiet=True).decode().strip()
        if sha and refs.is_full(name):
            self._commits.put(name, sha)
        return sha

    def _fetch_commit(self, sha: str) -> None:
        """Ask for a commit no branch or tag leads to; servers may refuse, and then it is not found."""
        if self._peeled(sha) or not self.directory.exists():
            return
        self.exchange("fetch", *FETCH_OPTIONS, *partials.source(self.remote), sha, timeout=FETCH_TIMEOUT)

    def _fetch(self, refspecs: tuple[str, ...], sha_length: int) -> None:
        for last in (False, True):
            self.create(sha_length)
            self._fetched = None
            # Not --atomic: a branch a/b may take the place of a branch a, which is pruned first.
            depth = self.remote.credentials.depth
            shallow = (f"--depth={depth}",) if depth else ()
            arguments = ("fetch", *FETCH_OPTIONS, *shallow, "--prune", *partials.source(self.remote), *refspecs)
            output = self.exchange(*arguments, timeout=FETCH_TIMEOUT)
            if output.status == 0:
                partials.tell_if_ignored(self.url, output.stderr)
                self.combine_packs()
                return
            if last or not failures.is_corrupt(output.stderr):
                raise failures.unreachable(self.url, output.stderr, output.wait)
            with self._writers.held():
                self._discard()

    def create(self, sha_length: int = 40) -> None:
        """Make the empty mirror, whole or not at all; nothing where there is one."""
        if (self.directory / "HEAD").exists():
            return
        with self._writers.held():
            self._discard()
            draft = self.directory.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            form = "sha256" if sha_length == 64 else "sha1"
            options = ("--quiet", "--bare", f"--object-format={form}", "--template=")
            output = self._git.run(None, ("init", *options, "--", str(draft)))
            if output.status:
                detail = failures.first_line(output.stderr)
                raise Retry(Reason.InternalError, f"cannot make a mirror in {draft.parent}: {detail}")
            draft.rename(self.directory)

    def _discard(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self._probed_at = self._fetched = None
        self.complete.clear()
        self._commits.clear()
        self._revisions.clear()

    def combine_packs(self) -> None:
        """Where there are many."""
        if len(list(self.directory.glob("objects/pack/*.pack"))) > _MOST_PACKS:
            self.exchange(*partials.packing(self.remote), timeout=FETCH_TIMEOUT)


class Mirrors:
    """The mirrors of one agent, one per repository and credentials, below one directory."""

    def __init__(self, directory: Path, policy: urls.Policy | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._policy = policy or urls.Policy()
        self._git = commands.Commands(directory / "home")
        self._lock = threading.Lock()
        self._mirrors: dict[tuple[str, access.Credentials], Mirror] = {}

    def get(self, url: str, credentials: access.Credentials | None = None) -> Mirror:
        """The mirror of `url`; raises Stalled(RepositoryRefused) for a URL that is not allowed."""
        remote = urls.parse(url, self._policy, credentials)
        with self._lock:
            key = (remote.url, remote.credentials)
            if key not in self._mirrors:
                self._mirrors[key] = Mirror(
                    url, self._directory, credentials=credentials, policy=self._policy, git=self._git
                )
            return self._mirrors[key]
