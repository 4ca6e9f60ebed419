"""What a pass over a FlinkSessionJob may touch beside what every controller may: its own kind, and the lane.

Holds no rule.
"""

from dataclasses import dataclass
from typing import Protocol

from operator_core.controllers.submissionlane import Work
from operator_core.controllers.world import ObjectCache, World
from operator_core.decide.sessionfacts import Submission


class Submissions(Protocol):
    """The lane in which jobs are submitted."""

    def known(self, namespace: str, name: str) -> Submission:
        """What became of the newest try."""
        ...

    def submit(self, namespace: str, name: str, work: Work) -> None:
        """Have it submitted, unless a try of the same resource goes on."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """What is known is of no use any more."""
        ...


@dataclass(frozen=True, slots=True)
class SessionWorld:
    """`world.resources` are FlinkDeployments, among them the session clusters; `jobs` the FlinkSessionJobs."""

    world: World
    jobs: ObjectCache
    lane: Submissions
