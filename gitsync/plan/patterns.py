"""Patterns of projects: `*`, `?`, `[..]`, `{a,b}`, and `!` in front for "anything but".

Pure. gobwas globs as Argo CD compiles them: with a separator `*` stays between two of them and `**` does not.
"""

import functools
import re


def is_denial(pattern: str) -> bool:
    """Whether a pattern says what is not allowed."""
    return pattern.startswith("!")


def matches(pattern: str, text: str, *, separator: str = "") -> bool:
    """Whether `text` fits; one with `!` fits what the rest does not."""
    if is_denial(pattern):
        return not matches(pattern[1:], text, separator=separator)
    return pattern == "*" or _compiled(pattern, separator).fullmatch(text) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str, separator: str) -> re.Pattern[str]:
    one = f"[^{re.escape(separator)}]" if separator else "."
    parts: list[str] = []
    depth = position = 0
    while position < len(pattern):
        char = pattern[position]
        following = pattern[position + 1 : position + 2]
        if char == "\\" and following:
            parts.append(re.escape(following))
            position += 1
        elif char == "*":
            parts.append(".*" if following == "*" else f"{one}*")
            position += following == "*"
        elif char == "[" and "]" in pattern[position + 2 :]:
            end = pattern.index("]", position + 2)
            inside = pattern[position + 1 : end]
            negated = "^" if inside[0] in "!^" else ""
            parts.append(f"[{negated}{re.escape(inside.lstrip('!^')).replace(chr(92) + '-', '-')}]")
            position = end
        else:
            depth += (char == "{") - (char == "}")
            parts.append(_plain(char, one, depth))
        position += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _plain(char: str, one: str, depth: int) -> str:
    match char:
        case "?":
            return one
        case "{":
            return "(?:"
        case "}":
            return ")"
        case "," if depth > 0:
            return "|"
        case _:
            return re.escape(char)
