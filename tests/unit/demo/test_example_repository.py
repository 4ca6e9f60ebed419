"""The repository a team would fork is valid as it stands, and its job is the one in the jar."""

import pytest
import yaml

from gitsync.sandbox.demo import places, preparing
from gitsync.sandbox.demojob import sources
from operator_core.conf import defaults as layers
from operator_core.decide import validation
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments

APPS = places.checkout_folder(places.EXAMPLE) / "apps"


def ticks() -> Object:
    manifest: Object = yaml.safe_load((APPS / "ticks.yaml").read_text())
    return manifest


def test_job_passes_validation() -> None:
    assert validation.validate(flinkdeployments.parse(ticks()), None, layers.NONE) == ()


def test_job_is_the_one_in_the_jar() -> None:
    job = ticks()["spec"]["job"]
    assert job["entryClass"] == sources.MAIN_CLASS
    assert job["jarURI"].endswith("/" + sources.JAR.name)
    assert ticks()["spec"]["image"] == preparing.IMAGE


def test_demo_finds_what_it_replaces() -> None:
    assert (APPS / "ticks.yaml").read_text().count(preparing.EXAMPLE_VOLUME) == 1


@pytest.mark.parametrize("file", sorted(APPS.glob("*.yaml")), ids=lambda file: file.name)
def test_every_object_is_in_the_namespace_of_the_jobs(file: object) -> None:
    for manifest in yaml.safe_load_all((APPS / str(file)).read_text()):
        assert manifest["metadata"]["namespace"] == preparing.NAMESPACE
