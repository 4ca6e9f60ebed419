"""Errors by consequence: what a pass does next is the type, why it failed is the reason.

    AgentError
      Retry      nothing is wrong with the input: try again (back-off, or `after` seconds)
      Stalled    only a new spec, a new revision or a request helps; never retried by time

Adapters (kube, flink, git) translate the errors of their libraries at their edge and chain them
with `from`. `reason` becomes the reason of a condition and of an event; `message` is for people and
says what is wrong, where, and what to do. Neither may hold a secret.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Every reason a condition, an event or a record of either half can carry."""

    # Kubernetes API
    ApiError = "ApiError"
    ApiUnreachable = "ApiUnreachable"
    Conflict = "Conflict"
    Forbidden = "Forbidden"
    Invalid = "Invalid"
    NotFound = "NotFound"
    UnknownKind = "UnknownKind"
    NotLeader = "NotLeader"
    # Flink REST
    FlinkUnreachable = "FlinkUnreachable"
    FlinkError = "FlinkError"
    # The local cluster
    SandboxFailed = "SandboxFailed"
    # Sync
    DestinationUnsupported = "DestinationUnsupported"
    DriftContested = "DriftContested"
    NotReady = "NotReady"
    Suspended = "Suspended"
    # Git
    GitMissing = "GitMissing"
    RepositoryUnreachable = "RepositoryUnreachable"
    RepositoryRefused = "RepositoryRefused"
    RevisionNotFound = "RevisionNotFound"
    RevisionAmbiguous = "RevisionAmbiguous"
    PathNotFound = "PathNotFound"
    RenderFailed = "RenderFailed"
    KustomizeMissing = "KustomizeMissing"
    HelmUnavailable = "HelmUnavailable"
    PushForbidden = "PushForbidden"
    ProjectRefused = "ProjectRefused"
    SignatureInvalid = "SignatureInvalid"
    DecryptionFailed = "DecryptionFailed"
    WebhookSecretMissing = "WebhookSecretMissing"
    PortUnavailable = "PortUnavailable"
    # Everything unforeseen
    InternalError = "InternalError"
    # Flink resources (names of the Java operator's events where it has one)
    ValidationError = "ValidationError"
    UnsupportedFlinkVersion = "UnsupportedFlinkVersion"
    UpgradeFailed = "UpgradeFailed"
    RestoreFailed = "RestoreFailed"
    CheckpointNotFound = "CheckpointNotFound"
    SavepointError = "SavepointError"
    CleanupFailed = "CleanupFailed"
    Missing = "Missing"
    DeploymentExists = "DeploymentExists"
    ForeignOperator = "ForeignOperator"
    ValidationAdvice = "ValidationAdvice"
    SubmissionFailed = "SubmissionFailed"
    SessionClusterMissing = "SessionClusterMissing"
    SessionClusterNotReady = "SessionClusterNotReady"
    CheckpointError = "CheckpointError"
    SnapshotAbandoned = "SnapshotAbandoned"
    SharedResource = "SharedResource"
    SyncFailed = "SyncFailed"
    RenamePending = "RenamePending"


class AgentError(Exception):
    """The root of every error the product raises on purpose."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Retry(AgentError):
    """Worth another try: after `after` seconds, or with growing pauses when it is None."""

    def __init__(self, reason: Reason, message: str, after: float | None = None) -> None:
        super().__init__(reason, message)
        self.after = after


class Stalled(AgentError):
    """Trying again changes nothing until a person changes something."""
