"""What every part of our own resources is: a frozen value with the names of the manifest. Pure."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """What all parts of the resource share: names as in the manifest, frozen; unknown fields are dropped."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)
