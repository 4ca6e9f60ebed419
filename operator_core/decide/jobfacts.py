"""What rules about one job may look at, whether a FlinkDeployment or a FlinkSessionJob asks for it.

`facts.Facts` and `sessionfacts.SessionFacts` both have these members. A rule that serves both kinds takes
`JobFacts[S]` and returns statuses of the same kind `S`; what only an application has (its spec's cluster part,
a dry run, HA metadata) is not here. Holds no rule.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from typing_extensions import TypeVar

from operator_core.decide.facts import Ids, Predecessor
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Unread
from operator_core.jsonvalues import Object
from operator_core.model.flinkdeployments import FlinkDeploymentSpec
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import CommonStatus, FlinkDeploymentStatus

S = TypeVar("S", bound=CommonStatus, default=FlinkDeploymentStatus)
S_co = TypeVar("S_co", bound=CommonStatus, covariant=True)


class JobFacts(Protocol[S_co]):
    """One job. `cluster` is the JobManager Deployment it runs under, `pods` that one's pods."""

    @property
    def resource(self) -> Object:
        """The resource, as read."""
        ...

    @property
    def invalid(self) -> str | None:
        """Why the newest spec is refused; None: it is not."""
        ...

    @property
    def status(self) -> S_co:
        """The status as this pass has it."""
        ...

    @property
    def last(self) -> LastSpec | None:
        """The last reconciled spec."""
        ...

    @property
    def conf(self) -> Mapping[str, str]:
        """Effective configuration of the newest accepted spec."""
        ...

    @property
    def last_conf(self) -> Mapping[str, str]:
        """Effective configuration of what was deployed."""
        ...

    @property
    def cluster(self) -> Object | None:
        """The JobManager Deployment."""
        ...

    @property
    def pods(self) -> tuple[Object, ...]:
        """The JobManager pods."""
        ...

    @property
    def now(self) -> datetime:
        """The time of this step."""
        ...

    @property
    def ids(self) -> Ids:
        """Fresh ids."""
        ...

    @property
    def flink(self) -> Flink:
        """What Flink's REST said during this step."""
        ...

    @property
    def snapshots(self) -> tuple[Object, ...] | None:
        """The FlinkStateSnapshots that name this job; None where the cluster does not have the kind."""
        ...

    @property
    def predecessor(self) -> Predecessor | None:
        """What the job says it was before it was renamed; None: nothing."""
        ...

    @property
    def namespace_ends(self) -> bool | Unread:
        """Whether the namespace is being deleted, so that no pod can come back in it."""
        ...

    @property
    def name(self) -> str:
        """The resource's name."""
        ...

    @property
    def namespace(self) -> str:
        """The resource's namespace."""
        ...

    @property
    def cluster_name(self) -> str:
        """The id of the Flink cluster the job runs on."""
        ...

    @property
    def cluster_spec(self) -> FlinkDeploymentSpec | None:
        """The spec that this cluster was deployed with."""
        ...

    @property
    def generation(self) -> int:
        """metadata.generation of what was read."""
        ...

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for the resource's deletion."""
        ...
