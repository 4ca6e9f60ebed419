"""A chart of a Helm repository or registry, kept as a bare Git repository with one commit per version.

So everything after the fetch reads a chart as it reads any other directory. The commit of a version is made
of its content, its name and nothing else, so it is the same on every agent; a version whose content changes
is another commit. A version that a lock file names is kept as it came first. Nothing is ever pushed to it.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from gitsync.charts import archives, indexes, places
from gitsync.charts.downloads import Downloads
from gitsync.charts.indexes import Release
from gitsync.charts.registries import Registry
from gitsync.git import commands, mirrors, refs, urls
from gitsync.git.access import Credentials
from gitsync.model import chartnames
from gitsync.model.revisions import Revision
from operator_core.errors import Reason, Retry, Stalled

_T = TypeVar("_T")
_IMPORT_SECONDS = 60.0
_WHO = "gitsync <gitsync@localhost> 0 +0000"


class ChartMirror(mirrors.Mirror):
    """The mirror of one chart."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *,
        credentials: Credentials | None = None,
        git: commands.Commands | None = None,
        loopback_http: bool = False,
    ) -> None:
        """`url` is as `chartnames.text_of` gives it. Raises Stalled(RepositoryRefused)."""
        self._place = places.parse(url, loopback_http=loopback_http)
        self._credentials = credentials
        self._loopback_http = loopback_http
        super().__init__(url, directory, git=git, remote=urls.Remote(url, "none", Credentials()))
        self._asking = threading.RLock()
        self._asked_at: float | None = None
        self._releases: Mapping[str, Release] = {}
        self._etag = ""
        self._imported: dict[str, tuple[Release, str]] = {}
        self._locked: dict[str, str] = {}

    def resolve(self, ref: str, *, max_age: float = 0.0) -> Revision:
        """The version `ref` means now, with its content in the mirror. Raises Stalled and Retry."""
        if refs.is_full(ref) and self.has_commit(ref):
            return self.revision(ref, ref)
        locked = chartnames.locked_version(ref)
        with self._asking:
            sha = self._newest(ref, max_age) if locked is None else self._kept(locked) or self._keep(locked, max_age)
        # A chart's archive brings no submodules.
        self.complete.add(sha)
        return self.revision(sha, ref)

    def exchange(
        self,
        *arguments: str,
        timeout: float = mirrors.PROBE_TIMEOUT,
        stdin: bytes | None = None,
        remote: urls.Remote | None = None,
        config: tuple[tuple[str, str], ...] = (),
    ) -> commands.Output:
        """Nothing can be written to a chart. Raises Stalled(PushForbidden)."""
        raise Stalled(Reason.PushForbidden, f"{self._place.base} holds charts: records cannot be written to it")

    def _newest(self, wanted: str, max_age: float) -> str:
        if self._asked_at is None or time.monotonic() - self._asked_at > max_age:
            self._releases = self._look()
            self._asked_at = time.monotonic()
        version = indexes.choose(wanted, self._releases, f"the chart {self._place.name} of {self._place.base}")
        release = self._releases[version]
        known = self._imported.get(version)
        if known is None or known[0] != release or not self.has_commit(known[1]):
            known = self._imported[version] = release, self._import(release)
        return known[1]

    def _kept(self, version: str) -> str:
        """The commit of a locked version that was brought before, also by an earlier process; else nothing."""
        if version not in self._locked and self.directory.exists():
            name = f"{_ref_of(version)}^{{commit}}"
            self._locked[version] = self.local("rev-parse", "--verify", "--quiet", name, quiet=True).decode().strip()
        sha = self._locked.get(version, "")
        return sha if sha and self.has_commit(sha) else ""

    def _keep(self, version: str, max_age: float) -> str:
        sha = self._locked[version] = self._newest(version, max_age)
        self.local("update-ref", _ref_of(version), sha)
        return sha

    def _look(self) -> Mapping[str, Release]:
        """The versions there are now."""
        if self._place.is_oci:
            return self._with_registry(
                lambda registry: {version: Release(version, tag, "") for version, tag in registry.versions().items()}
            )
        downloads = Downloads(self._place.base, self._credentials, loopback_http=self._loopback_http)
        try:
            headers = {"If-None-Match": self._etag} if self._etag and self._releases else {}
            answer = downloads.checked(f"{self._place.base}/index.yaml", indexes.LARGEST, headers)
        finally:
            downloads.close()
        if answer.status == 304:
            return self._releases
        self._etag = answer.headers.get("etag", "")
        return indexes.releases(answer.content, self._place.name, self._place.base)

    def _import(self, release: Release) -> str:
        what = f"{self._place.name} {release.version}"
        if self._place.is_oci:
            archive = self._with_registry(lambda registry: registry.archive(release.url))
        else:
            downloads = Downloads(self._place.base, self._credentials, loopback_http=self._loopback_http)
            try:
                archive = downloads.checked(release.url, archives.LARGEST_ARCHIVE).content
            finally:
                downloads.close()
            archives.check_digest(archive, release.digest, what)
        return self._commit(archives.files(archive, what), what)

    def _commit(self, files: Mapping[str, bytes], what: str) -> str:
        """The commit of these files; the same for the same ones."""
        self.create()
        parts = [b"commit refs/charts/import\n", f"committer {_WHO}\n".encode(), _data(what.encode())]
        parts.append(b"deleteall\n")
        for path in sorted(files):
            quoted = path.replace("\\", "\\\\").replace('"', '\\"')
            parts += [f'M 100644 inline "{quoted}"\n'.encode(), _data(files[path])]
        parts += [b"\n", b"get-mark :1\n"]
        stream = b"".join([b"reset refs/charts/import\n\n", parts[0], b"mark :1\n", *parts[1:]])
        arguments = ("fast-import", "--quiet", "--force", "--cat-blob-fd=1")
        output = self.run(*arguments, call=commands.Call(stdin=stream, timeout=_IMPORT_SECONDS))
        sha = output.stdout.decode().strip()
        if output.status or not refs.is_full(sha):
            raise Retry(Reason.InternalError, f"cannot keep the chart {what}: {output.stderr[:300]}")
        return sha

    def _with_registry(self, ask: Callable[[Registry], _T]) -> _T:
        registry = Registry(self._place, self._credentials, loopback_http=self._loopback_http)
        try:
            return ask(registry)
        finally:
            registry.close()


def _ref_of(version: str) -> str:
    """Where a locked version is kept; versions may hold what a ref's name may not."""
    return f"refs/locked/{hashlib.sha256(version.encode()).hexdigest()}"


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"


class ChartMirrors:
    """The mirrors of charts of one agent, one per chart and credentials, below one directory."""

    def __init__(self, directory: Path, *, loopback_http: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._loopback_http = loopback_http
        self._git = commands.Commands(directory / "home")
        self._lock = threading.Lock()
        self._mirrors: dict[tuple[str, Credentials | None], ChartMirror] = {}

    def get(self, url: str, credentials: Credentials | None) -> ChartMirror:
        """The mirror of a chart. Raises Stalled(RepositoryRefused) for one that is not allowed."""
        with self._lock:
            known = self._mirrors.get((url, credentials))
            if known is None:
                known = ChartMirror(
                    url, self._directory, credentials=credentials, git=self._git, loopback_http=self._loopback_http
                )
                self._mirrors[(url, credentials)] = known
            return known
