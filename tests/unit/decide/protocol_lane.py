"""A model of the lane that submits session jobs, for protocol tests: what an agent sends outlives the agent."""

from __future__ import annotations

from dataclasses import replace

from protocol_sessions import SessionCluster

from operator_core.controllers import submissionlane
from operator_core.controllers.submissionlane import Work
from operator_core.decide.sessionfacts import Sent, Submission, SubmissionFailed, UnderWay
from operator_core.flink import errors


class Lane:
    """The submissions of one agent: taken at once, carried out by `work`. A dead agent's go on at the JobManager."""

    def __init__(self, cluster: SessionCluster, now) -> None:
        self._cluster = cluster
        self._now = now
        self._works: dict[str, Work] = {}
        self._known: dict[str, UnderWay | SubmissionFailed | Sent] = {}

    def known(self, namespace: str, name: str) -> Submission:
        return self._known.get(name)

    def forget(self, namespace: str, name: str) -> None:
        if not isinstance(self._known.get(name), UnderWay):
            self._known.pop(name, None)

    def submit(self, namespace: str, name: str, work: Work) -> None:
        if isinstance(self._known.get(name), UnderWay):
            return
        self._known[name] = submissionlane.begun(self._known.get(name), work.job.job_id)
        self._works[name] = work

    def work(self, mishap: str | None = None) -> None:
        """Every try comes to its end; `mishap`: the jar is not there, or the answer gets lost."""
        for name, work in list(self._works.items()):
            del self._works[name]
            ended, under_way = self._tried(work, mishap), self._known[name]
            if isinstance(ended, SubmissionFailed) and isinstance(under_way, UnderWay):
                ended = replace(ended, unsent=ended.certain and under_way.unsent)
            self._known[name] = ended

    def _tried(self, work: Work, mishap: str | None) -> SubmissionFailed | Sent:
        job_id = work.job.job_id
        if mishap == "no jar":
            return SubmissionFailed(job_id, "404", True, 1, self._now())
        try:
            self._cluster.submit(work)
        except errors.FlinkUnreachable as error:
            return SubmissionFailed(job_id, error.message, False, 1, self._now())
        except errors.FlinkError as error:
            if "already been submitted" not in error.text:
                raise
        if mishap == "answer lost":
            return SubmissionFailed(job_id, "timed out", False, 1, self._now())
        return Sent(job_id, self._now())

    def die(self) -> None:
        """The agent is gone; what it had sent reaches the JobManager or not."""
        self._cluster.in_flight += self._works.values()
