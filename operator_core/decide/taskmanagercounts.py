"""What the status says of TaskManagers: the selector and the count that the scale subresource shows.

Told by the spec and the configuration that are deployed, as the Java operator does; decides no scaling.
"""

import math
from collections.abc import Mapping

from operator_core.conf import options
from operator_core.jsonvalues import Object
from operator_core.model.statuses import TaskManagerInfo


def of_application(name: str, spec: Object, conf: Mapping[str, str]) -> TaskManagerInfo:
    """What the scale subresource shows of a deployed application."""
    slots = max(1, options.get_int(conf, options.TASK_SLOTS))
    replicas = (spec.get("taskManager") or {}).get("replicas")
    parallelism = (spec.get("job") or {}).get("parallelism") or options.get_int(conf, options.PARALLELISM)
    return TaskManagerInfo(
        label_selector=f"component=taskmanager,app={name}",
        replicas=int(replicas) if replicas else math.ceil(int(parallelism) / slots),
    )


def of_session_cluster(name: str, spec: Object, conf: Mapping[str, str]) -> TaskManagerInfo | None:
    """The same of a session cluster: a native one makes TaskManagers as its jobs need them, so nothing is scaled."""
    if spec.get("mode") != "standalone":
        return None
    replicas = (spec.get("taskManager") or {}).get("replicas") or options.get_int(conf, options.TASK_MANAGER_REPLICAS)
    return TaskManagerInfo(label_selector=f"component=taskmanager,app={name}", replicas=int(replicas))
