"""Options under the names that a Flink version reads.

A resource may use the newest name of an option whatever its version, and decisions rely on what it says; a Flink that
does not know that name would silently go without (checkpoint directories: FLIP-406 in 1.20; high availability and CPU
in 1.17). So the older name is written beside it. Names that the version knows already are left as they are.
"""

from collections.abc import Mapping
from typing import Final

from operator_core.conf import options
from operator_core.conf.options import Option
from operator_core.model.flinkversions import FlinkVersion

_SINCE: Final[tuple[tuple[Option, FlinkVersion], ...]] = (
    *(
        (option, FlinkVersion(1, 20))
        for option in (
            options.CHECKPOINT_DIR,
            options.SAVEPOINT_DIR,
            options.RETAINED_CHECKPOINTS,
            options.RESTORE_PATH,
            options.CLAIM_MODE,
            options.IGNORE_UNCLAIMED_STATE,
        )
    ),
    *((option, FlinkVersion(1, 17)) for option in (options.HA_TYPE, options.JOB_MANAGER_CPU, options.TASK_MANAGER_CPU)),
)


def for_version(conf: Mapping[str, str], version: FlinkVersion) -> dict[str, str]:
    """The configuration, with an older name beside each newer one that `version` does not read."""
    spelled = dict(conf)
    for option, since in _SINCE:
        older = option.aliases[0]
        if version < since and conf.get(option.key) and not any(conf.get(alias) for alias in option.aliases):
            spelled[older] = conf[option.key]
    return spelled
