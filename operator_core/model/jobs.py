"""JobSpec: the job of a FlinkDeployment or of a FlinkSessionJob.

Only shape and defaults (the CRDs have none, so they are applied here, as the Java operator does in
code); whether the values make sense is decided by validation.
"""

from typing import Literal

from pydantic import Field

from operator_core.model.resources import Wire

JobDesiredState = Literal["running", "suspended"]
UpgradeMode = Literal["stateless", "last-state", "savepoint"]


class JobSpec(Wire):
    """`spec.job`. `parallelism` 0 means unset."""

    jar_uri: str | None = Field(default=None, alias="jarURI")
    parallelism: int = 0
    entry_class: str | None = None
    args: tuple[str, ...] = Field(default=(), strict=False)
    state: JobDesiredState = "running"
    savepoint_trigger_nonce: int | None = None
    initial_savepoint_path: str | None = None
    checkpoint_trigger_nonce: int | None = None
    upgrade_mode: UpgradeMode = "stateless"
    allow_non_restored_state: bool | None = None
    savepoint_redeploy_nonce: int | None = None
    autoscaler_reset_nonce: int | None = None
