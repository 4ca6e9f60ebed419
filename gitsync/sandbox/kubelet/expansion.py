"""`$(NAME)` in environment values, commands and arguments.

Pure. Rules: Kubernetes API reference, EnvVar.value: `$$` is a dollar sign, an unknown name stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with its references replaced."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return values.get(match[1], match[0])

    return REFERENCE.sub(replacement, text)


def expand_all(texts: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(expand(text, values) for text in texts)
