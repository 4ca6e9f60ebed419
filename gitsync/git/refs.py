"""Which commit a name such as a branch, a tag or a few hex digits means.

Pure. The order is Argo CD's (full commit id, HEAD, exact ref, short branch or tag name, semver range
over tags, shortened commit id), but a name that exists wins over a range; where a branch and a tag
share a name and differ, choosing one silently would make a cluster flap, so it is an error that says
how to be exact. Rules of names: git-check-ref-format(1).
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitsync.model import semver
from operator_core.errors import Reason, Stalled

HEADS = "refs/heads/"
TAGS = "refs/tags/"
OWN_BRANCHES = "refs/heads/gitsync/status/"
"""Branches the agent writes itself; they are never fetched and never followed."""
_OWN = (OWN_BRANCHES, "refs/notes/gitsync/")
_FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT = re.compile(r"[0-9a-f]{7,64}")
_NOT_A_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$|\.lock/|/\.")


@dataclass(frozen=True, slots=True)
class Refs:
    """What a repository advertises: branches and tags by full name, and what HEAD is."""

    names: Mapping[str, str] = field(default_factory=dict)
    head_target: str = ""
    head_sha: str = ""


@dataclass(frozen=True, slots=True)
class Exact:
    """A full commit id; no network is needed when the mirror has it."""

    sha: str


@dataclass(frozen=True, slots=True)
class Advertised:
    """The object a ref points at (a tag object has still to be peeled), and the ref's full name ("": HEAD)."""

    sha: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Shortened:
    """No ref, but it may be the start of a commit id."""

    prefix: str


Choice = Exact | Advertised | Shortened


def is_full(name: str) -> bool:
    """Whether `name` is a whole commit id."""
    return _FULL.fullmatch(name.lower()) is not None


def is_own(ref: str) -> bool:
    """Whether a full ref is one that agents write; a push of it changes nothing that is followed."""
    return ref.startswith(_OWN)


def may_be(name: str, pushed: str) -> bool:
    """Whether the full ref `pushed` ("": any) may be, or decide, what `name` means; only branches and tags are told."""
    if not pushed or not pushed.startswith((HEADS, TAGS)):
        return True
    wanted = name.strip() or "HEAD"
    if is_full(wanted):
        return False
    if pushed.startswith(TAGS):
        return True  # It may be a range of versions that the tag falls into.
    return wanted == "HEAD" or pushed in (wanted, HEADS + wanted) or _SHORT.fullmatch(wanted) is not None


def choose(name: str, refs: Refs, repo: str) -> Choice:
    """What `name` means in a repository; raises Stalled(RevisionNotFound or RevisionAmbiguous)."""
    wanted = name.strip() or "HEAD"
    if is_full(wanted):
        return Exact(wanted.lower())
    if wanted == "HEAD":
        return _head(refs, repo)
    prefix, _, constraint = wanted.rpartition(semver.PREFIXED)
    if _NOT_A_NAME.search(wanted):
        if semver.constraint(constraint) is not None:
            return _by_version(prefix, constraint, refs, repo)
        raise Stalled(Reason.RevisionNotFound, f"{name!r} is not a name Git allows for a branch, a tag or a commit")
    if wanted.startswith("refs/"):
        candidates = {wanted: refs.names[wanted]} if wanted in refs.names else {}
    else:
        full_names = (HEADS + wanted, TAGS + wanted)
        candidates = {full: refs.names[full] for full in full_names if full in refs.names}
    if len(set(candidates.values())) > 1:
        both = " and ".join(f"{full} ({sha[:7]})" for full, sha in candidates.items())
        problem = f"{name!r} is both a branch and a tag of {repo}: {both}; write one in full"
        raise Stalled(Reason.RevisionAmbiguous, problem)
    if candidates:
        return Advertised(*next((sha, full) for full, sha in candidates.items()))
    if semver.constraint(wanted) is not None:
        return _by_version("", wanted, refs, repo)
    if _SHORT.fullmatch(wanted.lower()):
        return Shortened(wanted.lower())
    raise not_found(name, refs, repo)


def _by_version(prefix: str, constraint: str, refs: Refs, repo: str) -> Advertised:
    """The tag with the highest version in a range, of those that begin with `prefix`."""
    start = TAGS + prefix
    tags = [full.removeprefix(start) for full in refs.names if full.startswith(start)]
    wanted = semver.constraint(constraint)
    best = semver.newest(wanted, tags) if wanted is not None else None
    if best is not None:
        return Advertised(refs.names[start + best], start + best)
    among = f"{len(tags)} tags" + (f" that begin with {prefix!r}" if prefix else "")
    hint = "pre-releases only count for a range that names one, such as '>=1.0-0'"
    problem = f"none of the {among} of {repo} is a version in the range {constraint!r}; {hint}"
    raise Stalled(Reason.RevisionNotFound, problem)


def not_found(name: str, refs: Refs, repo: str) -> Stalled:
    """The error for a name nothing answers to, with names that look like it."""
    short = sorted({full.removeprefix(HEADS).removeprefix(TAGS) for full in refs.names})
    if not short:
        return Stalled(Reason.RevisionNotFound, f"{repo} has no branch and no tag yet, so {name!r} cannot be found")
    near = difflib.get_close_matches(name.removeprefix(HEADS).removeprefix(TAGS), short, n=3, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        shown = ", ".join(short[:5])
        hint = f"it has {shown}{f' and {len(short) - 5} more' if len(short) > 5 else ''}"
    return Stalled(Reason.RevisionNotFound, f"{repo} has no branch, tag or commit {name!r}; {hint}")


def parse_advertisement(output: str) -> Refs:
    """The output of `git ls-remote --symref` or `git for-each-ref` (`<sha>\\t<name>` lines)."""
    names: dict[str, str] = {}
    head_target = head_sha = ""
    for line in output.splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            head_target = left.removeprefix("ref: ") if name == "HEAD" else head_target
        elif name == "HEAD":
            head_sha = left
        elif name.startswith((HEADS, TAGS)) and not name.endswith("^{}") and not name.startswith(OWN_BRANCHES):
            names[name] = left
    return Refs(names, head_target, head_sha)


def _head(refs: Refs, repo: str) -> Advertised:
    sha = refs.names.get(refs.head_target) or refs.head_sha
    if sha:
        return Advertised(sha)
    raise not_found("HEAD", refs, repo)
