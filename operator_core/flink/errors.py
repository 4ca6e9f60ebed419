"""What can go wrong when talking to Flink, by what a caller does about it.

Retry
  FlinkUnreachable   no answer: the JobManager boots, hangs or is gone; `lasting` after several in a row
  FlinkError         an answer that is not success, with its HTTP status
    JobNotFound      404: Flink does not know the job, or the trigger id
    AlreadyEnded     409: the job has ended already
"""

from operator_core.errors import Reason, Retry


class FlinkUnreachable(Retry):
    """No answer."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(Reason.FlinkUnreachable, message)
        self.lasting = lasting


class FlinkError(Retry):
    """An answer that is not success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(Reason.FlinkError, message)
        self.status = status
        self.text = message
        """All that Flink said; `message` is its first line."""


class JobNotFound(FlinkError):
    """404."""


class AlreadyEnded(FlinkError):
    """409."""


def from_status(status: int, message: str) -> FlinkError:
    """The error for an answer; `message` is cut to one line."""
    kind = {404: JobNotFound, 409: AlreadyEnded}.get(status, FlinkError)
    line = message.strip().splitlines()[0][:400] if message.strip() else f"Flink answered {status}"
    error = kind(status, line)
    error.text = message
    return error
