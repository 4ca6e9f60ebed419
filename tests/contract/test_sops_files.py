"""Files that the real sops encrypted (3.10.2, with the age key beside them) are opened to what they were."""

import json
from pathlib import Path

import pytest

from gitsync.cli import main
from gitsync.manifests import yamlgo
from gitsync.render import agekeys, documents, sops
from gitsync.render.agekeys import AgeKeys
from operator_core.jsonvalues import Object

FILES = Path(__file__).parent / "sops"
KEYS = AgeKeys(agekeys.identities_in((FILES / "key.txt").read_text()))


def bodies(name: str) -> list[Object]:
    return [one.value for one in yamlgo.load_all((FILES / name).read_text())]


@pytest.mark.parametrize("name", ["regex.yaml", "maconly.yaml"])
def test_secrets(name: str) -> None:
    parsed = documents.parse((FILES / name).read_bytes(), is_json=False)
    closed = [json.loads(one.text) for one in parsed.objects]
    plain = sops.opened(closed, KEYS.open_key)
    first, second = (sops.substituted({k: v for k, v in one.items() if k != "sops"}, plain) for one in closed)
    assert first == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database", "labels": {"team": "orders"}},
        "stringData": {"user": "orders", "password": "hunter2", "empty": "", "lines": "one\ntwo\n"},
        "data": {"token": "c2VjcmV0"},
    }
    assert second["stringData"] == {"password": "swordfish"}
    closed[0]["metadata"]["labels"]["team"] = "others"
    if name == "regex.yaml":
        with pytest.raises(sops.Unreadable, match="its MAC does not fit"):
            sops.opened(closed, KEYS.open_key)
    else:
        assert sops.opened(closed, KEYS.open_key), "that MAC covers encrypted values only"


def test_values_of_every_type() -> None:
    closed = bodies("all.yaml")
    found = sops.substituted({k: v for k, v in closed[0].items() if k != "sops"}, sops.opened(closed, KEYS.open_key))
    assert found == {
        "a": "text",
        "b": 7,
        "c": True,
        "d": 2.5,
        "e": ["one", 2, False],
        "f": None,
        "g": {"deep": {"er": 1000}},
        "h_unencrypted": 3.25,
        "i_unencrypted": True,
    }


def test_an_encrypted_secret_is_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["validate", str(FILES / "regex.yaml")]) == 0
    assert "nothing found" in capsys.readouterr().err
