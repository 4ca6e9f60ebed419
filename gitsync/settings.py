"""What the person who runs the agent decides: one model, filled from a YAML file, the environment
and the command line, each overriding the one before.

The file uses the words of this model in camelCase (`pollSeconds: 30`); the environment uses
`GITSYNC_` and the words in capitals (`GITSYNC_POLL_SECONDS=30`, `GITSYNC_WEBHOOK_PORT`). Everything
that belongs to one app is in its SyncApp; here is what belongs to the agent, and the root app.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from gitsync.model import projects
from operator_core.conf import options
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json, Object
from operator_core.model import labelselectors

PREFIX = "GITSYNC_"

Role = Literal["all", "sync", "operator"]
FlinkRest = Literal["direct", "proxy"]


def _listed(value: Json) -> Json:
    """Lists in the environment are separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _mapped(value: Json) -> Json:
    """Maps in the environment are YAML (`{key: value}`); values of options are text in Flink."""
    parsed = yaml.safe_load(value) if isinstance(value, str) else value
    if isinstance(parsed, dict):
        return {str(key): _option_text(item) for key, item in parsed.items()}
    return parsed


def _parsed(value: Json) -> Json:
    """In the environment, YAML."""
    return yaml.safe_load(value) if isinstance(value, str) else value


def _option_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Part(BaseModel):
    """What all parts of the settings share: camelCase names, no unknown ones, frozen."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Webhook(Part):
    """The receiver of push notifications; off while `port` is 0."""

    port: int = Field(default=0, ge=0, le=65535)
    secret_file: Path | None = None


class Settings(Part):
    """Everything the agent is told from outside."""

    repo: str | None = None
    """The repository of the root app: https, ssh or a local path."""
    revision: str = "HEAD"
    path: str = "."
    recurse: bool = True
    cluster: str | None = None
    """The name of this cluster in the records written back to Git; without it nothing is written back."""
    status_branch: bool = True
    """Whether records also go to the branch `gitsync/status/<cluster>`, beside the notes on commits."""
    namespace: str = "gitsync-system"
    """Where the agent keeps its own objects and looks for SyncApps."""
    destination_namespace: str = "default"
    prune: bool = False
    role: Role = "all"
    poll_seconds: float = Field(default=60.0, gt=0)
    flink_rest: FlinkRest = "direct"
    flink_ca_file: Path | None = None
    """PEM certificates that Flink's REST API is checked with where a cluster's own trust store is in no Secret."""
    flink_cert_file: Path | None = None
    """PEM certificate the agent shows there where TLS is mutual."""
    flink_key_file: Path | None = None
    """The certificate's PEM key, where it is not in the same file."""
    webhook: Webhook = Webhook()
    probe_port: int = Field(default=0, ge=0, le=65535)
    """Port of /healthz, /readyz and /metrics; 0 switches them off unless the webhook is on."""
    watch_namespaces: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    operator_defaults: Annotated[dict[str, str], BeforeValidator(_mapped)] = {}
    """Flink and operator options below every FlinkDeployment's own."""
    work_directory: Path | None = None
    """Where mirrors of repositories are kept; they can be deleted at any time."""
    kubectl: Path | None = None
    """The kubectl that builds Kustomize directories where no kustomize is on PATH."""
    helm: Path | None = None
    """The helm that renders charts, where it is not the one on PATH."""
    argocd_applications: Literal["auto", "always", "never"] = "auto"
    """Whether Applications and ApplicationSets in Git become child apps; auto: where Argo CD is not installed."""
    app_per_directory: bool = False
    """Whether every directory directly below the root app's path becomes an app of its own."""
    git_username: str | None = None
    git_password_file: Path | None = None
    ssh_private_key_file: Path | None = None
    """The key for the root repository where no Secret has one."""
    ssh_known_hosts_file: Path | None = None
    """Host keys of ssh servers, beside those of the ConfigMap argocd-ssh-known-hosts-cm."""
    git_ca_file: Path | None = None
    """Certificates to trust for https instead of the system's, where argocd-tls-certs-cm has none of the host."""
    sops_age_key_file: Path | None = None
    """age identities that open Secrets encrypted with SOPS, beside those of Secrets of the agent's namespace."""
    submodule_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Hosts that submodules may be on beside their repository's own; `*` for any."""
    projects: Annotated[dict[str, Object], BeforeValidator(_parsed)] = {}
    """Projects by name, each with the fields of an AppProject's spec."""
    restart_budget: int = Field(default=0, ge=0)
    """How many Flink jobs may be restarting at once because of syncs; 0: no bound."""
    deletion_percent: int = Field(default=50, ge=0, le=100)
    """Of an app's objects (ten or more), how many one revision may delete without approval; 100: all."""
    deletion_jobs: int = Field(default=5, ge=0)
    """How many Flink jobs with state one revision of an app may delete without approval."""
    install_crds: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False

    @field_validator("operator_defaults")
    @classmethod
    def _selector_is_one(cls, value: dict[str, str]) -> dict[str, str]:
        try:
            labelselectors.parse(options.get(value, options.LABEL_SELECTOR) or "")
        except Stalled as error:
            raise ValueError(f"{options.LABEL_SELECTOR.key}: {error.message}") from error
        return value

    @field_validator("cluster")
    @classmethod
    def _cluster_is_a_ref_component(cls, value: str | None) -> str | None:
        allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
        if value is not None and (
            not value or value[0] in "-." or value[-1] == "." or ".." in value or set(value) - set(allowed)
        ):
            raise ValueError(
                "a cluster's name becomes part of a Git ref: letters, digits, '-', '_' and single '.' only"
            )
        return value

    @field_validator("projects")
    @classmethod
    def _projects_are_valid(cls, value: dict[str, Object]) -> dict[str, Object]:
        for name, spec in value.items():
            try:
                projects.parse(name, spec)
            except Stalled as error:
                raise ValueError(error.message) from error
        return value

    @property
    def web_port(self) -> int:
        """The port of the one server for probes, metrics and the webhook; 0: there is none."""
        return self.webhook.port or self.probe_port

    @model_validator(mode="after")
    def _one_port(self) -> "Settings":
        if self.webhook.port and self.probe_port and self.webhook.port != self.probe_port:
            raise ValueError("one server has the webhook and the probes: give both the same port, or set only one")
        return self

    @model_validator(mode="after")
    def _webhook_needs_a_secret(self) -> "Settings":
        if self.webhook.port and self.webhook.secret_file is None:
            raise ValueError("a webhook receiver needs a secret; set webhook.secretFile (--webhook-secret-file)")
        return self


def _set(values: Object, path: tuple[str, ...], value: Json) -> None:
    for step in path[:-1]:
        below = values.get(step)
        values[step] = below = below if isinstance(below, dict) else {}
        values = below
    values[path[-1]] = value


def paths() -> dict[str, tuple[str, ...]]:
    """Every setting by its flat name (`webhook_port`) with its place in the model (`("webhook", "port")`)."""
    found: dict[str, tuple[str, ...]] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            found.update({f"{name}_{inner}": (name, inner) for inner in field.annotation.model_fields})
        else:
            found[name] = (name,)
    return found


def _snake(value: Json) -> Json:
    """Names of the file in the model's own form, so that later layers override and do not double them."""
    if not isinstance(value, dict):
        return value
    known = {to_camel(step): step for path in paths().values() for step in path}
    return {known.get(key, key): _snake(item) if key == "webhook" else item for key, item in value.items()}


def _from_file(file: Path) -> Object:
    try:
        text = file.read_text()
    except OSError as error:
        raise Stalled(Reason.ValidationError, f"cannot read the settings file {file}: {error.strerror}") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Stalled(Reason.ValidationError, f"the settings file {file} is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Stalled(
            Reason.ValidationError, f"the settings file {file} must hold a map, not a {type(content).__name__}"
        )
    snake: Object = _snake(content)
    return snake


def load(file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Json]) -> Settings:
    """The settings of one run. `flags` are flat names; those that are None were not given.

    Raises Stalled(ValidationError) with every problem and where it comes from.
    """
    values: Object = _from_file(file) if file is not None else {}
    for name, path in paths().items():
        variable = PREFIX + name.upper()
        if environment.get(variable):
            _set(values, path, environment[variable])
        if flags.get(name) is not None:
            _set(values, path, flags[name])
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_told(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
        raise Stalled(Reason.ValidationError, f"the settings are not valid: {problems}") from error


def _told(place: str, message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{place}: {text}" if place else text
