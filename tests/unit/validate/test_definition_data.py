"""Checking a repository loads what it needs and nothing else, because a pre-commit hook waits for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.validate import definitions

HEAVY = ("httpx", "kubernetes", "rich", "gitsync.model.syncapps", "gitsync.render.applications", "operator_core.build")
PROGRAM = """
import sys
from gitsync.cli.main import main
sys.argv = ["gitsync", "validate", sys.argv[1]]
try:
    main()
except SystemExit as ended:
    status = ended.code
print(status, *sorted(sys.modules))
"""


@pytest.mark.parametrize("content", ["fresh", "none", "no JSON", '{"models": "others", "definitions": []}'])
def test_what_is_known_is_what_the_models_say(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "definitions.json"
    if content == "fresh":
        definitions.write(file)
    elif content != "none":
        file.write_text(content)
    monkeypatch.setattr(definitions, "FILE", file)
    known = [one for group in definitions.GROUPS for one in definitions.of_group(group)]
    assert known == json.loads(json.dumps(definitions.from_models()))
    kinds = {one["spec"]["names"]["kind"] for one in known}
    assert kinds == {"FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot", "SyncApp"}


def test_checking_plain_manifests_loads_no_client_and_no_renderer(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(
        "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {name: b}\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    status, *modules = ended.stdout.splitlines()[-1].split()
    assert status == "1", ended.stdout
    assert "gitsync.validate.flinkrules" in modules
    assert [name for name in HEAVY if name in modules] == []
