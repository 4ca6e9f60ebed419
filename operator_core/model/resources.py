"""What all our kinds share: the pydantic base, metadata, reading with one clear message.

Field names on the wire are camelCase; absent and null mean the same (the CRDs have no defaults, so
a GET returns what the user sent). Unknown fields are ignored: the API server prunes them anyway.
Values are frozen; a changed value is a copy (`model_copy(update=...)`). Knows no kind.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from operator_core import errors
from operator_core.jsonvalues import Json, Object, dig

API_VERSION = "flink.apache.org/v1beta1"


class Wire(BaseModel):
    """One JSON object of a custom resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        strict=True,
    )

    def to_json(self) -> Object:
        """The object as it is written: camelCase, without nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


_PLAIN_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "tuple": "a list",
    "dictionary": "an object",
}
Model = TypeVar("Model", bound=Wire)


class ObjectMeta(Wire):
    """The part of Kubernetes' ObjectMeta that decisions need."""

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = Field(default=(), strict=False)
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


def without_nulls(value: Json) -> Json:
    """The value with every null member of every object left out, at any depth."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def parse(model: type[Model], kind: str, obj: Object) -> Model:
    """The object as a model; Stalled(ValidationError) names each wrong field and what it must be."""
    try:
        return model.model_validate(without_nulls(obj))
    except ValidationError as error:
        name = dig(obj, "metadata", "name", default="?")
        problems = "; ".join(_problems(error))
        raise errors.Stalled(errors.Reason.ValidationError, f"{kind} {name}: {problems}") from error


def _problems(error: ValidationError) -> Iterable[str]:
    for detail in error.errors(include_url=False, include_context=False, include_input=True):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]).lstrip(".")
        yield f"{path or 'the object'} {_expectation(detail['type'], detail['msg'], detail['input'])}"


def _expectation(kind: str, message: str, given: Any) -> str:
    if kind == "missing":
        return "is missing: set it"
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) and len(str(given)) <= 60 else ""
    expected = message[0].lower() + message[1:] if message else "is invalid"
    for opening in ("input should be ", "value should be "):
        if expected.startswith(opening):
            wanted = expected.removeprefix(opening).removeprefix("a valid ")
            return f"must be {_PLAIN_WORDS.get(wanted, wanted)}{shown}"
    return f"is invalid: {expected}{shown}"
