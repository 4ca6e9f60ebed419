"""Flink versions as `spec.flinkVersion` names them ("v1_20", "v2_0") and what each can do.

Knows which versions the CRD accepts and which the operator supports; knows no image.
"""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal, get_args

FlinkVersionName = Literal[
    "v1_13", "v1_14", "v1_15", "v1_16", "v1_17", "v1_18", "v1_19", "v1_20", "v2_0", "v2_1", "v2_2", "v2_3", "v2_4"
]
NAMES: tuple[str, ...] = get_args(FlinkVersionName)
"""Every version the custom resource definition accepts, oldest first."""

_NAME = re.compile(r"v(\d+)_(\d+)")


@total_ordering
@dataclass(frozen=True, slots=True)
class FlinkVersion:
    major: int
    minor: int

    def __lt__(self, other: "FlinkVersion") -> bool:
        return (self.major, self.minor) < (other.major, other.minor)

    def __str__(self) -> str:
        return f"v{self.major}_{self.minor}"

    @property
    def writes_standard_yaml(self) -> bool:
        """From 2.0 on Flink reads config.yaml (nested YAML) only; before, flink-conf.yaml (flat)."""
        return self.major >= 2

    @property
    def is_deprecated(self) -> bool:
        """Still deployed, but to be left: the Java operator's next releases drop it."""
        return self < OLDEST_CURRENT


OLDEST_SUPPORTED = FlinkVersion(1, 15)
OLDEST_CURRENT = FlinkVersion(1, 19)


def deprecation(version: FlinkVersion) -> str:
    """What to tell of a deprecated version."""
    return f"support for {version} is deprecated; move to {OLDEST_CURRENT} or newer"


def parse(name: str) -> FlinkVersion:
    """The version of a name such as "v1_20"; ValueError for any other text."""
    match = _NAME.fullmatch(name)
    if not match:
        raise ValueError(f"{name!r} is not a Flink version; write for instance v1_20 or v2_0")
    return FlinkVersion(int(match[1]), int(match[2]))
