"""SyncApp: what an Argo CD Application's spec becomes, its annotations, its definition."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitsync.model import syncapps
from operator_core.errors import Stalled

ROOT = Path(__file__).parents[3]


def manifest(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    source = {"repoURL": "https://example.org/r.git", "path": "apps", "targetRevision": "main"}
    meta = {"name": "a", "namespace": "n", "generation": 4, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"source": source, **spec}}


def test_spec_of_an_application_is_understood() -> None:
    app = syncapps.parse(
        manifest(
            project="default",
            destination={"server": "https://kubernetes.default.svc", "namespace": "jobs"},
            syncPolicy={"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
        )
    )
    automated = app.spec.sync_policy.automated
    assert automated is not None and automated.prune and automated.self_heal and automated.enabled
    assert (app.spec.main.repo_url, app.spec.main.target_revision) == ("https://example.org/r.git", "main")
    assert app.generation == 4


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"metadata": {"name": "a", "namespace": "n"}, "spec": {}},
            "SyncApp n/a is not valid: spec: Value error, it needs a source",
        ),
        (manifest({"gitsync.io/pin": "{"}), "gitsync.io/pin is not JSON"),
        (manifest({"gitsync.io/pin": "{}"}), 'needs a "revision"'),
        (manifest({"gitsync.io/suspend": '{"until": "soon"}'}), '"until"'),
        (manifest(syncPolicy={"syncOptions": ["Replace=true"]}), "syncOptions"),
    ],
)
def test_invalid_app_names_the_field(body: dict[str, Any], text: str) -> None:
    with pytest.raises(Stalled) as raised:
        syncapps.parse(body)
    assert text in raised.value.message


def test_pin_and_suspension_end() -> None:
    app = syncapps.parse(
        manifest(
            {
                "gitsync.io/pin": '{"revision": "abc", "reason": "incident", "until": "2026-01-01T00:00:00Z"}',
                "gitsync.io/suspend": '{"reason": "r"}',
            }
        )
    )
    assert app.pin is not None and app.suspension is not None
    assert syncapps.is_live(app.pin.until, datetime(2025, 12, 31, tzinfo=UTC))
    assert not syncapps.is_live(app.pin.until, datetime(2026, 1, 1, tzinfo=UTC))
    assert syncapps.is_live(app.suspension.until, datetime(2030, 1, 1, tzinfo=UTC))


def test_definition_in_deploy_is_the_models() -> None:
    file = ROOT / "deploy" / "crds" / "syncapps.gitsync.io.yaml"
    assert yaml.safe_load(file.read_text()) == syncapps.crd(), "run `make crds`"


def test_schema_is_structural() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            assert not {"$ref", "$defs", "anyOf", "title", "const"} & node.keys()
            for key, value in node.items():
                if key == "properties":
                    for below in value.values():
                        walk(below)
                elif key != "enum":
                    walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(syncapps.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def test_when_a_pin_or_a_suspension_ends_by_itself() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def left(pin: str, suspension: str) -> float | None:
        ends = {"gitsync.io/pin": f'{{"revision": "v1"{pin}}}', "gitsync.io/suspend": f"{{{suspension}}}"}
        spec = {"source": {"repoURL": "x", "path": "y"}}
        app = syncapps.parse({"metadata": {"name": "a", "namespace": "n", "annotations": ends}, "spec": spec})
        return syncapps.seconds_left(app, now)

    assert left("", "") is None
    assert left(', "until": "2026-01-01T00:01:00Z"', "") == 60
    assert left(', "until": "2026-01-01T00:01:00Z"', '"until": "2026-01-01T00:00:30Z"') == 30
    assert left(', "until": "2026-01-01T00:00:00Z"', '"until": "2025-12-31T00:00:00Z"') is None
