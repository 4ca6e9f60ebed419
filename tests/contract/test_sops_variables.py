"""Files of variables that the real sops encrypted (3.13.3) come out of Kustomize as the plain file does."""

import base64
from pathlib import Path

import kubectls
import pytest
from git_repositories import Repository
from overlays import render

from gitsync.desired import opening
from gitsync.git import mirrors
from gitsync.render import agekeys
from gitsync.render.agekeys import AgeKeys
from gitsync.render.kustomize import Kustomize
from operator_core.jsonvalues import Object

FILES = Path(__file__).parent / "sops"
KEYS = AgeKeys(agekeys.identities_in((FILES / "key.txt").read_text()))
PASSWORD = base64.b64encode(b"s3cr=t with spaces").decode()
GENERATOR = (
    "secretGenerator:\n- name: made\n  envs: [some.env]\n  literals: [MORE=here]\n"
    "generatorOptions: {disableNameSuffixHash: true}\n"
)


@pytest.mark.parametrize("name", ["variables.env", "maconly.env"])
def test_variables_of_the_real_sops(name: str, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(
        {
            "plain/kustomization.yaml": GENERATOR,
            "plain/some.env": (FILES / "variables.plain").read_text(),
            "closed/kustomization.yaml": GENERATOR,
            "closed/some.env": (FILES / name).read_text(),
        }
    )
    mirror = mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)
    builder = Kustomize(kubectls.kubectl(tmp_path), path="")
    (plain,) = render(mirror, builder, "plain").objects
    closed = render(mirror, builder, "closed")
    assert PASSWORD not in repr(closed), "what is remembered of a render stays encrypted"
    found = opening.opened(closed, {0: closed}, [mirror], KEYS)
    assert not found.errors
    assert PASSWORD in repr(found)
    assert decoded(found.objects[0].body) == decoded(plain.body)


def decoded(body: Object) -> Object:
    """Kustomize breaks long values into lines."""
    return {**body, "data": {key: "".join(value.split()) for key, value in body["data"].items()}}
