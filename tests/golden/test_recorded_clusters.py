"""Clusters are what the Java operator and Flink's client create, fixture by fixture.

A fixture holds a resource, what it is deployed with, and the objects that came of it. Each value in which ours
differ on purpose is listed here and explained in docs/differences.md.
"""

import copy
from pathlib import Path

import manifestforms
import pytest
import yaml

from operator_core.build import clusters
from operator_core.conf import builtin
from operator_core.conf import defaults as layers
from operator_core.jsonvalues import Json, Object
from operator_core.model import flinkdeployments

FIXTURES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
FLAT = "[data][flink-conf.yaml]"
RESTORE_MODE = f"[ConfigMap/flink-config-{{}}]{FLAT}[execution.savepoint-restore-mode]"
STANDALONE_ARGUMENTS = "[Deployment/ha][spec][template][spec][containers][0][args]"
CONFIG_FILE = "[Deployment/custom][spec][template][spec][volumes][1][configMap][items][1]"

ON_PURPOSE: dict[str, dict[str, Json]] = {
    "application-savepoint-upgrade": {RESTORE_MODE.format("app"): "NO_CLAIM"},
    "application-initial-savepoint": {RESTORE_MODE.format("sp"): "NO_CLAIM"},
    "standalone-high-availability": {
        f"{STANDALONE_ARGUMENTS}[1]": "-D",
        f"{STANDALONE_ARGUMENTS}[2]": "jobmanager.rpc.address=$(_POD_IP_ADDRESS)",
    },
    "arguments-and-log4j": {f"{CONFIG_FILE}[key]": "config.yaml", f"{CONFIG_FILE}[path]": "config.yaml"},
}


def built(fixture: Object) -> dict[str, Object]:
    request = fixture["request"]
    resource = flinkdeployments.parse(fixture["resource"])
    build = clusters.build_standalone if resource.spec.mode == "standalone" else clusters.build_native
    manifests = build(
        clusters.BuildRequest(
            deployment=resource,
            defaults=layers.NONE,
            job_id=request["jobId"],
            savepoint_path=request["savepointPath"],
            allow_non_restored=bool(resource.spec.job and resource.spec.job.allow_non_restored_state),
            generation=request["generation"],
        )
    )
    made = (manifests.jobmanager, *manifests.beside, *clusters.owned_by(manifests.owned, "uid-of-deployment"))
    return {manifestforms.identity(manifest): recorded(manifestforms.comparable(manifest)) for manifest in made}


def recorded(manifest: Object) -> Object:
    """The form without what a record cannot know: uids, the run's own directory; flags by name."""
    for owner in manifest["metadata"]["ownerReferences"]:
        owner.pop("uid")
    for content in manifest.get("data", {}).values():
        for key, value in content.items() if isinstance(content, dict) else ():
            if key == "job-result-store.storage-path":
                content[key] = value.rsplit("/", 1)[0] + "/<one per deploy>"
            elif value == builtin.MODULE_FLAGS:
                content[key] = "<module flags>"
    return manifest


@pytest.mark.parametrize("name", FIXTURES)
def test_cluster_equals_the_recorded_one(name: str) -> None:
    fixture = yaml.safe_load(FIXTURES[name].read_text())
    theirs = {manifestforms.identity(manifest): manifest for manifest in fixture["manifests"]}
    ours = built(fixture)
    if name == "arguments-and-log4j":
        # The same options in the other file form: compared as data, the file name below.
        data = ours["ConfigMap/flink-config-custom"]["data"]
        options = data.pop("config.yaml")
        cut = theirs["ConfigMap/flink-config-custom"]["data"]["flink-conf.yaml"]
        assert cut.pop("$internal.application.program-args").startswith("--backend;rocksdb;")
        assert options.pop("$internal.application.program-args").startswith("--backend;rocksdb;")
        data["flink-conf.yaml"] = options
    found = {path: pair[0] for path, pair in manifestforms.differences(ours, theirs).items()}
    assert found == ON_PURPOSE.get(name, {})


def test_every_fixture_has_the_objects_of_a_cluster() -> None:
    for name, path in FIXTURES.items():
        kinds = {manifest["kind"] for manifest in yaml.safe_load(path.read_text())["manifests"]}
        assert kinds - {"Ingress"} == {"Deployment", "Service", "ConfigMap"}, name
        assert ("Ingress" in kinds) is name.startswith("ingress"), name


def test_comparison_sees_a_single_changed_value() -> None:
    fixture = yaml.safe_load(FIXTURES["application-1-20"].read_text())
    ours = built(fixture)
    changed = copy.deepcopy(ours)
    changed["Deployment/basic"]["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = 1
    assert manifestforms.differences(ours, changed) == {
        "[Deployment/basic][spec][template][spec][containers][0][ports][0][containerPort]": (8081, 1)
    }


def test_building_twice_gives_the_same_manifests() -> None:
    fixture = yaml.safe_load(FIXTURES["application-last-state"].read_text())
    assert built(fixture) == built(fixture)
