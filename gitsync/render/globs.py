"""Argo CD's file patterns: `*` crosses `/`, `?`, `[..]`, `{a,b}` alternation.

Pure. They are gobwas globs compiled without separators; Python's fnmatch agrees with them except
for braces and backslashes, which are expanded here.
"""

import fnmatch
import functools
import re

from operator_core.errors import Reason, Stalled

_MOST_ALTERNATIVES = 256


def matches(pattern: str, path: str) -> bool:
    """Whether `path` fits `pattern`; raises Stalled(PathNotFound) for a pattern that cannot be read."""
    return any(compiled.match(path) for compiled in _compiled(pattern))


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[re.Pattern[str], ...]:
    alternatives = _expanded(pattern)
    return tuple(re.compile(fnmatch.translate(_unescaped(alternative))) for alternative in alternatives)


def _expanded(pattern: str) -> list[str]:
    """The pattern once per combination of its braces."""
    pending, done = [pattern], []
    while pending:
        one = pending.pop()
        span = _first_braces(one)
        if span is None:
            done.append(one)
        else:
            start, end = span
            pending += [one[:start] + option + one[end + 1 :] for option in _options(one[start + 1 : end])]
        if len(pending) + len(done) > _MOST_ALTERNATIVES:
            raise Stalled(
                Reason.PathNotFound, f"the pattern {pattern!r} has more than {_MOST_ALTERNATIVES} alternatives"
            )
    return done


def _first_braces(pattern: str) -> tuple[int, int] | None:
    depth = start = position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
        elif char == "{":
            start = position if depth == 0 else start
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                return start, position
        position += 1
    if depth:
        raise Stalled(Reason.PathNotFound, f"the pattern {pattern!r} has a '{{' without its '}}'")
    return None


def _options(inside: str) -> list[str]:
    options, depth, position = [""], 0, 0
    while position < len(inside):
        char = inside[position]
        if char == "\\" and position + 1 < len(inside):
            position += 1
            char += inside[position]
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            options.append("")
        else:
            options[-1] += char
        position += 1
    return options


def _unescaped(pattern: str) -> str:
    """Backslash escapes in the only way fnmatch knows: as a set of one."""
    return re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], pattern)
