"""The models as a library: the example of the page runs without any cluster client; the schemas are the code's."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, jsonschemas, manifests

ROOT = Path(__file__).parents[3]
BLOCKED = ("kubernetes", "httpx", "urllib3", "git", "starlette", "click")
PREAMBLE = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(f"{{name}} must not be needed")
sys.meta_path.insert(0, Blocked())
"""


def run(code: str) -> str:
    """What a fresh Python prints that cannot import cluster clients."""
    done = subprocess.run([sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.DOTALL)
    made = yaml.safe_load(run(code))
    assert (made["apiVersion"], made["kind"]) == ("flink.apache.org/v1beta1", "FlinkDeployment")
    assert made["spec"]["job"]["upgradeMode"] == "savepoint"
    assert "status" not in made
    jsonschema.validate(made, schema("flinkdeployment"))


def test_every_module_of_the_models_is_importable_alone() -> None:
    names = sorted(file.stem for file in (ROOT / "operator_core" / "model").glob("*.py") if file.stem != "__init__")
    run("\n".join(f"import operator_core.model.{name}" for name in names))


def test_a_manifest_read_and_written_is_the_same() -> None:
    text = (ROOT / "repo-layout-example").rglob("*.yaml")
    bodies = [body for file in text for body in yaml.safe_load_all(file.read_text()) if body]
    found = [body for body in bodies if body.get("kind") == "FlinkDeployment"]
    assert found
    for body in found:
        parsed = flinkdeployments.parse(body)
        assert flinkdeployments.parse(manifests.manifest(parsed)) == parsed


def schema(kind: str) -> Object:
    found: Object = json.loads((ROOT / "deploy/schemas/flink.apache.org" / f"{kind}_v1beta1.json").read_text())
    return found


def test_the_files_are_what_the_definitions_say() -> None:
    """`make crds` writes them."""
    expected = {
        name: jsonschemas.text(body)
        for file in sorted((ROOT / "deploy" / "crds").glob("*.yaml"))
        for name, body in jsonschemas.schemas(yaml.safe_load(file.read_text()))
    }
    directory = ROOT / "deploy" / "schemas"
    present = {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*.json")}
    assert present == expected


VALID: Object = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "app"},
    "spec": {
        "flinkVersion": "v1_20",
        "flinkConfiguration": {"a": 1, "b": {"c": True}},
        "jobManager": {"resource": {"cpu": 0.5, "memory": "1g"}, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
        "podTemplate": {"spec": {"hostAliases": [{"ip": "1.2.3.4"}], "containers": [{"name": "a", "tty": True}]}},
    },
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": {"flinkversion": "v1_20"}}, "'flinkversion' was unexpected"),
        ({"spec": {"flinkVersion": "v9_9"}}, "'v9_9' is not one of"),
        ({"spec": {"job": {"parallelism": "two"}}}, "'two' is not of type"),
        ({"kind": "Flinkdeployment"}, "'Flinkdeployment' is not one of"),
        ({"metadata": None}, "None is not of type 'object'"),
    ],
)
def test_editors_are_told_of_mistakes(change: Object, told: str) -> None:
    jsonschema.validate(VALID, schema("flinkdeployment"))
    with pytest.raises(jsonschema.ValidationError, match=re.escape(told)):
        jsonschema.validate({**VALID, **change}, schema("flinkdeployment"))
