"""Value files of charts that SOPS encrypted: opened, kept out of files, of other kinds than Secrets and of messages."""

import base64
import json

import pytest
from encrypting import Encrypter

from gitsync.git import trees
from gitsync.model.rendersets import RenderedObject, RenderError
from gitsync.render import closedvalues, helm, helmcharts, helmoptions
from gitsync.render.agekeys import AgeKeys
from gitsync.render.chartwalks import Commit
from gitsync.render.helmcharts import Chart
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object

ONE = Encrypter()
KEYS = AgeKeys((ONE.secret,))
VALUES: Object = {"password": "hunter2-hunter2", "port": 5432, "short": "abc", "list": ["swordfish"]}


def chart(content: str) -> Chart:
    files = {"web/Chart.yaml": "name: web", "web/plain.yaml": "a: b", "web/closed.yaml": content}
    lines = [f"100644 blob {path} {len(text)}\t{path}\0" for path, text in sorted(files.items())]
    own = Commit(trees.Listing("".join(lines).encode()), lambda blob: files[blob].encode())
    options = helmoptions.parse({"valueFiles": ["plain.yaml", "closed.yaml"], "values": "c: d"}, "app", "flink")
    return helmcharts.needed(own, "web", options, {})


def encrypted(**rules: str) -> str:
    return json.dumps(ONE.encrypt(VALUES, **rules)[0])


def test_a_closed_file_is_opened_in_its_place() -> None:
    found = closedvalues.opened(chart(encrypted()), KEYS.open_key)
    assert found.chart.closed == {1}
    assert [json.loads(found.chart.value_files[1]), found.chart.value_files[0], found.chart.value_files[2]] == [
        VALUES,
        b"a: b",
        b"c: d",
    ]
    assert found.texts == ("hunter2-hunter2", "swordfish"), "numbers and what is too short stand everywhere"
    given = helm.arguments(found.chart, helmoptions.parse(None, "app", "flink"), {1: "/proc/1/fd/9"})
    assert [one for one in given if one.startswith("--values")] == [
        "--values=../loose/values-0.yaml",
        "--values=/proc/1/fd/9",
        "--values=../loose/values-2.yaml",
    ]


def test_only_what_was_encrypted_is_looked_for() -> None:
    assert closedvalues.opened(chart(encrypted(encrypted_regex="^password$")), KEYS.open_key).texts == (
        "hunter2-hunter2",
    )


@pytest.mark.parametrize("content", ["a: b", "sops: of a kind\na: b", "sops: [\n", "sops: {}\n---\na: b"])
def test_a_file_that_is_not_encrypted_stays_as_it_is(content: str) -> None:
    one = chart(content)
    assert closedvalues.opened(one, None) == closedvalues.Opened(one)


def test_without_the_key_the_file_is_named() -> None:
    for opener in (None, AgeKeys((Encrypter().secret,)).open_key):
        with pytest.raises(Stalled, match=r"the value file closed\.yaml of web stays encrypted") as caught:
            closedvalues.opened(chart(encrypted()), opener)
        assert caught.value.reason is Reason.DecryptionFailed


def test_texts_stand_in_secrets_only_and_in_no_message() -> None:
    def made(kind: str, **fields: object) -> RenderedObject:
        return RenderedObject({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **fields}, "t.yaml", 3)

    texts = ("hunter2-hunter2", "swordfish")
    inside = base64.b64encode(b"swordfish").decode()
    fine = [made("Secret", stringData={"a": "x swordfish"}), made("ConfigMap", data={"a": "sword"})]
    assert closedvalues.shown_in(fine, texts) == ()
    shown = [made("ConfigMap", data={"a": "x swordfish"}), made("Job", spec=[{"hunter2-hunter2": 1}])]
    told = closedvalues.shown_in([*shown, made("Pod", spec={"a": inside})], texts)
    assert [str(one).split(" holds")[0] for one in told] == [
        "t.yaml:3: the ConfigMap a",
        "t.yaml:3: the Job a",
        "t.yaml:3: the Pod a",
    ]
    assert "swordfish" not in str(told) and "hunter2" not in str(told)
    hidden = closedvalues.hidden([RenderError("t.yaml", 1, 0, "cannot use swordfish here")], texts)
    assert [one.message for one in hidden] == ["cannot use *** here"]
