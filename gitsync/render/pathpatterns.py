"""The two ways in which ApplicationSets choose paths of a repository.

Pure. Directories: Go's path.Match on the whole path. Files: as `git ls-files PATTERN` names them.
"""

import fnmatch
import json

from gitsync.render.parametersets import Refusal


def path_matches(pattern: str, path: str) -> bool:
    """Go's path.Match: `*` and `?` stay within a directory. Raises Refusal for a pattern that cannot be read."""
    wanted, steps = pattern.split("/"), path.split("/")
    if len(wanted) != len(steps):
        return False
    # fnmatch's expressions take no exponential time, whatever is between the stars.
    return all(fnmatch.fnmatchcase(step, _as_fnmatch(one)) for one, step in zip(wanted, steps, strict=True))


def _as_fnmatch(pattern: str) -> str:
    text, position = "", 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "[":
            end = pattern.find("]", position + 1)
            if end < 0:
                raise Refusal(json.dumps(pattern), "is a pattern with a '[' and no ']'")
            inside = pattern[position:end]
            # Go negates by '^' alone; a '!' at the start is a character like any other.
            text += (
                f"[!{inside[1:]}]"
                if inside.startswith("^")
                else f"[{inside[1:]}!]"
                if inside[0] == "!"
                else f"[{inside}]"
            )
            position = end + 1
        elif char == "\\" and position < len(pattern):
            text += f"[{pattern[position]}]"
            position += 1
        else:
            text += char
    return text


def listed(pattern: str, path: str) -> bool:
    """Whether `git ls-files PATTERN` names the file: `*` crosses `/`, and a directory stands for all below it."""
    plain = pattern.strip("/")
    return path == plain or path.startswith(f"{plain}/") or fnmatch.fnmatchcase(path, pattern.replace("[^", "[!"))
