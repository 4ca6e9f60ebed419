"""Submodules: which ones a commit has, which of them may be fetched, and fetching them into the mirror.

A submodule is read as if its files were in the commit. Its URL is Git content, so it decides little: the host
is the repository's own or one the settings name, a local path only below a local repository, never another
transport; credentials are those of its own URL and never the repository's. Rules: gitsubmodules(7), gitmodules(5).
"""

import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitsync.git import contents, failures, mirrors, urls
from gitsync.git.access import Credentials
from operator_core.errors import Reason, Retry, Stalled

_FILE = ".gitmodules"
MOST_MODULES = 100
"""Submodules a commit may have altogether, those of submodules included."""
_KEY = re.compile(r"submodule\.(?P<name>.+)\.(?P<what>path|url)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Module:
    """A submodule of a commit. `problem`: why it is not read; `url` is then as Git has it."""

    path: str
    url: str
    problem: str = ""


def of(mirror: mirrors.Mirror, sha: str, parent: urls.Remote) -> Mapping[str, Module]:
    """The submodules `.gitmodules` of commit `sha` names, by path; `parent` is the repository it belongs to."""
    if not mirror.local("rev-parse", "--verify", "--quiet", f"{sha}:{_FILE}", quiet=True):
        return {}
    listed = mirror.local("config", "--blob", f"{sha}:{_FILE}", "--list", "-z", quiet=True)
    found: dict[str, dict[str, str]] = {}
    for line in listed.decode("utf-8", "replace").split("\0"):
        key, _, value = line.partition("\n")
        match = _KEY.fullmatch(key)
        if match is not None:
            found.setdefault(match["name"], {})[match["what"]] = value
    named = [one for one in found.values() if one.get("path") and one.get("url")]
    return {one["path"]: _module(one["path"], one["url"], parent, mirror.policy) for one in named[:MOST_MODULES]}


def _module(path: str, url: str, parent: urls.Remote, policy: urls.Policy) -> Module:
    try:
        remote = urls.parse(_absolute(url, parent.url), policy)
    except Stalled as error:
        return Module(path, url, error.message)
    if remote.protocol == "file":
        fits = parent.protocol == "file"
    else:
        host = urls.host_of(remote.url)
        fits = host == urls.host_of(parent.url) or host in policy.module_hosts or "*" in policy.module_hosts
    if fits:
        return Module(path, remote.url)
    shown = urls.without_credentials(url)
    return Module(path, shown, f"its URL {shown} leads to a host that submoduleHosts of the settings does not name")


def _absolute(url: str, parent: str) -> str:
    """A URL that begins with `./` or `../` is relative to the repository's."""
    if not url.startswith(("./", "../")):
        return url
    start, slash, rest = urls.with_scheme(parent).partition("://")
    prefix, path = (f"{start}{slash}", rest) if slash else ("", start)
    host, slash, below = path.partition("/")
    joined = posixpath.normpath(posixpath.join("/" + below.rstrip("/"), url))
    return f"{prefix}{host}{joined}"


class Submodules:
    """Brings submodules of commits that are followed. Safe to share between threads."""

    def __init__(self, find_credentials: Callable[[str], Credentials | None]) -> None:
        self._credentials = find_credentials

    def bring(self, mirror: mirrors.Mirror, sha: str) -> None:
        """Have the commits of all submodules that may be read in the mirror. Raises Retry naming one that cannot."""
        if sha in mirror.complete:
            return
        described = mirror.local("rev-parse", "--verify", "--quiet", f"{sha}:{_FILE}", quiet=True).decode().strip()
        if mirror.partial and described and not contents.is_here(mirror, [described]):
            contents.fetch(mirror, [described])
        pending, left = [(sha, mirror.remote)], MOST_MODULES
        while pending:
            commit, parent = pending.pop()
            for path, module in of(mirror, commit, parent).items():
                wanted = _gitlink(mirror, commit, path)
                if module.problem or not wanted or left <= 0:
                    continue
                left -= 1
                remote = urls.parse(module.url, mirror.policy, self._credentials(module.url))
                if not mirror.has_commit(wanted):
                    _fetch(mirror, remote, path, wanted)
                pending.append((wanted, remote))
        mirror.complete.add(sha)


def _gitlink(mirror: mirrors.Mirror, sha: str, path: str) -> str:
    """The commit the tree has at `path`; empty where there is no submodule."""
    line = mirror.local("ls-tree", "-z", "--full-tree", sha, "--", path, quiet=True).decode("utf-8", "replace")
    mode, _, rest = line.partition(" ")
    return rest.split("\t")[0].split(" ")[1] if mode == "160000" else ""


def _fetch(mirror: mirrors.Mirror, remote: urls.Remote, path: str, wanted: str) -> None:
    place = f"refs/modules/{hashlib.sha256(remote.url.encode()).hexdigest()[:16]}"
    everything = (f"+refs/heads/*:{place}/heads/*", f"+refs/tags/*:{place}/tags/*")
    for refspecs in (everything, (wanted,)):
        output = mirror.fetch_from(remote, refspecs)
        if mirror.has_commit(wanted):
            return
        if output.status and refspecs is everything:
            reason = failures.unreachable(remote.url, output.stderr, output.wait)
            raise Retry(reason.reason, f"the submodule {path} of {mirror.url}: {reason.message}")
    problem = f"the submodule {path} of {mirror.url}: {remote.url} has no commit {wanted[:7]}; push it there"
    raise Retry(Reason.RepositoryUnreachable, problem)
