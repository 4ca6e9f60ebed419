"""The example repository rendered as the agent renders it, beside the real kustomize built from its module."""

import json
import subprocess
from pathlib import Path

import pytest
import renderers

from gitsync.cli import main
from gitsync.manifests import yamlgo
from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object

EXAMPLE = Path(__file__).parents[2] / "repo-layout-example"


@pytest.mark.full
@pytest.mark.parametrize("directory", ["orders/overlays/staging", "orders/overlays/production", "sql"])
def test_kustomize_makes_the_same_objects(
    directory: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    kustomize = renderers.program(gotools.KUSTOMIZE, request.config)
    built = subprocess.run([str(kustomize), "build", str(EXAMPLE / directory)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert main.run(["render", str(EXAMPLE / directory), "-o", "json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    theirs = [one.value for one in yamlgo.load_all(built.stdout)]
    assert _by_name(ours) == _by_name(theirs)


def _by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}
