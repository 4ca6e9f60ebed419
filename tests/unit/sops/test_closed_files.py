"""Encrypted files inside of Secrets, as a secretGenerator makes them."""

import base64
import json

import pytest
import yaml
from encrypting import Encrypter

from gitsync.model.rendersets import RenderedObject
from gitsync.render import closedfiles, secrets
from gitsync.render.agekeys import AgeKeys
from operator_core.jsonvalues import Object

ONE = Encrypter()
KEYS = AgeKeys((ONE.secret,))


def secret(**data: str) -> Object:
    encoded = {key.replace("_", "."): base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made-5gk2"}, "data": encoded}


def opened(body: Object) -> tuple[dict[str, str], str]:
    found = secrets.opened((RenderedObject(body, "k.yaml", 1),), (), lambda _: {}, KEYS.open_key)
    bodies = [one.body["data"] for one in found.objects]
    told = "; ".join(map(str, found.errors))
    return ({key: base64.b64decode(one).decode() for key, one in bodies[0].items()} if bodies else {}), told


def test_files_of_every_kind() -> None:
    config: Object = {"user": "orders", "nested": {"password": "hunter2"}, "list": [1, "two"]}
    body = secret(
        app_yaml=yaml.safe_dump(ONE.encrypt(config)[0], sort_keys=False),
        app_json=json.dumps(ONE.encrypt(config)[0]),
        keystore=json.dumps(ONE.encrypt({"data": "line one\nline two\n"})[0]),
        plain="not encrypted",
    )
    long = body["data"]["app.yaml"]
    body["data"]["app.yaml"] = "\n".join(long[at : at + 70] for at in range(0, len(long), 70)) + "\n"
    found, told = opened(body)
    assert told == ""
    assert yaml.safe_load(found["app.yaml"]) == json.loads(found["app.json"]) == config
    assert found["keystore"] == "line one\nline two\n"
    assert found["plain"] == "not encrypted"


def test_what_stays_closed_is_named_and_nothing_comes_out() -> None:
    changed = ONE.encrypt({"a": "b", "c_unencrypted": "d"}, unencrypted_suffix="_unencrypted")[0]
    changed["c_unencrypted"] = "e"
    assert opened(secret(app_json=json.dumps(changed))) == (
        {},
        "k.yaml:1: the Secret made-5gk2 stays encrypted: its entry app.json cannot be opened: "
        "its MAC does not fit: something was changed after it was encrypted",
    )
    cut = json.dumps(ONE.encrypt({"a": "b"})[0])[:-40]
    assert "its entry cut cannot be opened" in opened(secret(cut=cut))[1]


@pytest.mark.parametrize("kind", ["ConfigMap", "Other"])
def test_other_kinds_hold_no_closed_files(kind: str) -> None:
    body = secret(a=json.dumps(ONE.encrypt({"a": "b"})[0]))
    assert not closedfiles.has_any({**body, "kind": kind})
    assert closedfiles.has_any(body)
    assert not closedfiles.has_any({**body, "data": {"a": "no base64!", "b": None}})
