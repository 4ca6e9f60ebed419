"""Versions and what a constraint such as `1.2.*`, `^1.4` or `>=1 <2 || 3.x` picks among them.

Pure. The rules are those Argo CD and Helm share (Masterminds/semver 3): a version may be short and begin
with `v`; what is a version is not a constraint; pre-releases only count where the constraint names one
(`>=1.2-0`); of versions that differ in build metadata alone the first one wins.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Triple = tuple[int, int, int]
_PRE = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"v?(?P<major>\d{{1,18}})(?:\.(?P<minor>\d{{1,18}}))?(?:\.(?P<patch>\d{{1,18}}))?{_PRE}")
_PART = r"(?:\d{1,18}|[xX*])"
_SOME = rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_PRE}"
_COMPARISON = re.compile(rf"(?P<op>!=|>=|=>|<=|=<|~>|[=<>~^]|)\s*{_SOME}")
_RANGE = re.compile(r"(\S+)\s+-\s+(\S+)")
_LONGEST = 500
PREFIXED = "::"
"""Stands between the prefix of tags and a constraint; no name of a branch or tag holds it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version; `pre` is its pre-release, "" for a release."""

    numbers: Triple
    pre: str

    @property
    def precedence(self) -> tuple[Triple, bool, tuple[tuple[bool, int, str], ...]]:
        """Sorts as versions do."""
        parts = self.pre.split(".") if self.pre else []
        return self.numbers, not self.pre, tuple(_identifier(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Alternatives of comparisons that must all hold; the flag says whether pre-releases count in one."""

    alternatives: tuple[tuple[tuple[Callable[[Version], bool], ...], bool], ...]

    def allows(self, version: Version) -> bool:
        """Whether a version fits."""
        return any(
            (pre or not version.pre) and all(holds(version) for holds in comparisons)
            for comparisons, pre in self.alternatives
        )


def version(text: str) -> Version | None:
    """The version a text is; None for any other text."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    return Version((int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0)), found["pre"] or "")


def constraint(text: str) -> Constraint | None:
    """The constraint a text is; None for a plain version and for any other text."""
    if version(text.strip()) is not None or len(text) > _LONGEST:
        return None
    alternatives = []
    for part in text.split("||"):
        found = _comparisons(_RANGE.sub(r">=\1, <=\2", part.strip()))
        if found is None:
            return None
        alternatives.append(found)
    return Constraint(tuple(alternatives))


def newest(wanted: Constraint, names: Iterable[str]) -> str | None:
    """The name of the highest version that fits; names that are no versions do not count."""
    best: tuple[Version, str] | None = None
    for name in names:
        found = version(name)
        if found is None or not wanted.allows(found):
            continue
        if best is None or found.precedence > best[0].precedence:
            best = (found, name)
    return best[1] if best is not None else None


def of_tags(prefix: str, text: str) -> str:
    """A constraint over the tags that begin with `prefix`; any other text as it is."""
    return f"{prefix}{PREFIXED}{text}" if prefix and constraint(text) is not None else text


def _comparisons(text: str) -> tuple[tuple[Callable[[Version], bool], ...], bool] | None:
    rest = text or "*"
    found: list[Callable[[Version], bool]] = []
    pre = False
    while rest:
        one = _COMPARISON.match(rest)
        if one is None:
            return None
        found.append(_comparison(one))
        pre = pre or bool(one["pre"])
        after = rest[one.end() :]
        rest = after.lstrip(" \t,")
        if after and (after == rest or after.count(",", 0, len(after) - len(rest)) > 1):
            return None
    return tuple(found), pre


def _comparison(found: re.Match[str]) -> Callable[[Version], bool]:
    given: list[int] = []
    for name in ("major", "minor", "patch"):
        if found[name] is None or not found[name].isdigit():
            break
        given.append(int(found[name]))
    major, minor, patch = (*given, 0, 0, 0)[:3]
    base = Version((major, minor, patch), found["pre"] or "")
    match found["op"]:
        case "" | "=":
            return _equal(base, len(given))
        case "!=":
            equal = _equal(base, len(given))
            return lambda v: not equal(v)
        case ">":
            return _above(base, len(given))
        case "<":
            return lambda v: v.precedence < base.precedence
        case ">=" | "=>":
            return lambda v: v.precedence >= base.precedence
        case "<=" | "=<":
            above = _above(base, len(given))
            return lambda v: not above(v)
        case "~" | "~>":
            return _from(base, len(given), min(len(given), 2))
        case _:
            return _from(base, len(given), _caret(base.numbers, len(given)))


def _equal(base: Version, given: int) -> Callable[[Version], bool]:
    if given == 3:
        return lambda v: v.precedence == base.precedence
    return _from(base, given, given)


def _above(base: Version, given: int) -> Callable[[Version], bool]:
    if given == 3:
        return lambda v: v.precedence > base.precedence
    if given == 0:
        return lambda _: False
    following = _bumped(base.numbers, given)
    return lambda v: v.numbers >= following


def _from(base: Version, given: int, kept: int) -> Callable[[Version], bool]:
    """At least `base`, with its first `kept` numbers the same."""
    if given == 0:
        return lambda v: v.precedence >= base.precedence
    return lambda v: v.precedence >= base.precedence and v.numbers[:kept] == base.numbers[:kept]


def _caret(numbers: Triple, given: int) -> int:
    """How many numbers must stay: up to the first that is not zero, of those that are given."""
    for place, number in enumerate(numbers[:given]):
        if number:
            return place + 1
    return given


def _bumped(numbers: Triple, given: int) -> Triple:
    major, minor, _ = numbers
    return (major + 1, 0, 0) if given == 1 else (major, minor + 1, 0)


def _identifier(text: str) -> tuple[bool, int, str]:
    """Numbers sort before words, and by their value."""
    return (False, int(text), "") if text.isdigit() else (True, 0, text)
