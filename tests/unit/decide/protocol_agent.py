"""The agent's side of protocol tests: requests that fail at planned moments, a clock that may jump."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from operator_core.kube import errors


class Crash(BaseException):
    """The agent's process is gone."""


class Faulty:
    """Lets requests through, except the one that a fault is planned for."""

    def __init__(self, send, unreachable, before=None) -> None:
        self._send = send
        self._unreachable = unreachable
        self.before = before
        self.plan = None
        self.log = None
        self.count = 0

    def arm(self, plan) -> None:
        """`plan`: (number of the request, what happens), or None."""
        self.plan, self.count = plan, 0

    def send(self, *args):
        """The answer, or the fault."""
        self.count += 1
        fault = self.plan[1] if self.plan and self.plan[0] == self.count else None
        if fault == "crash-before":
            raise Crash
        if fault == "lost-before":
            raise self._unreachable()
        if fault == "conflict" and self.before:
            self.before()
        answer = self._send(*args)
        if fault == "crash-after":
            raise Crash
        if fault == "lost-after":
            raise self._unreachable()
        return answer

    def send_bytes(self, request):
        """A log of a pod that lists states; a JobManager's is not modelled."""
        if self.log is None or "-state-listing" not in request.path:
            raise errors.NotFound(404, "no log")
        return self.log()


class ModelClock:
    """The model's time as the agent reads it; `skew` is how far the agent's own clock is off (seconds)."""

    def __init__(self, protocol) -> None:
        self._protocol = protocol
        self.skew = 0

    def now(self) -> datetime:
        """The present."""
        return self._protocol.now + timedelta(seconds=self.skew)

    def monotonic(self) -> float:
        """The same in seconds, without jumps."""
        return self._protocol.now.timestamp()


FAULTS = st.one_of(
    st.none(),
    st.tuples(
        st.integers(1, 9), st.sampled_from(["crash-before", "crash-after", "lost-before", "lost-after", "conflict"])
    ),
)
