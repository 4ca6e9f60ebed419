"""Credentials that cannot be used, and answers that say so: one message with the place and what to do."""

from pathlib import Path

import pytest

from operator_core.errors import Stalled
from operator_core.kube import errors
from operator_core.kube.client import Client


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [\n", "no kubeconfig that can be read (while parsing a flow node)"),
        ("hello\n", "no kubeconfig that can be read (it has another form)"),
        ("- 1\n", "no kubeconfig that can be read (it has another form)"),
        ("kind: Config\n", "no usable cluster credentials"),
    ],
)
def test_a_damaged_kubeconfig_is_named(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "damaged"
    file.write_text(content)
    with pytest.raises(Stalled) as caught:
        Client.connect(kubeconfig=file)
    assert str(file) in caught.value.message and told in caught.value.message


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(Stalled, match=r"no usable cluster credentials in .*missing"):
        Client.connect()


def test_refused_credentials_say_more_than_a_word() -> None:
    error = errors.from_answer(401, b'{"kind": "Status", "message": "Unauthorized", "reason": "Unauthorized"}')
    assert isinstance(error, errors.Unauthorized)
    assert error.message == "the API server refuses the credentials (Unauthorized): they are wrong or have expired"


def test_an_answer_that_is_no_status_is_one_line() -> None:
    assert errors.from_answer(404, b"404 page not found\n").message == "404 page not found"
