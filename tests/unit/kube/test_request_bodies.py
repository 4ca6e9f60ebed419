"""A request's body is JSON and YAML at once, whatever text is in it."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from operator_core.kube import requests


@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(codec="utf-8")), max_size=3))
def test_what_is_read_is_what_was_meant(body: dict[str, str]) -> None:
    text = requests.text_of(body)
    assert json.loads(text) == body
    assert yaml.safe_load(text.decode()) == body


@pytest.mark.parametrize("text", ["🚀", "\x7f\x85\x9f", "\u2028\ufeff\uffff", 'a"\\ud83d\\n', "\x00\x1f"])
def test_what_json_and_yaml_escape_differently(text: str) -> None:
    sent = requests.text_of({"a": text})
    assert json.loads(sent) == {"a": text} and b"\\ud83d\\ude80" not in sent
    assert yaml.safe_load(sent.decode()) == {"a": text}


def test_half_a_character_can_be_sent() -> None:
    assert json.loads(requests.text_of({"a": "\ud83d"})) == {"a": "\ud83d"}
