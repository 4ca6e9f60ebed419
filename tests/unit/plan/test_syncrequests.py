"""The words of a request for a sync."""

import pytest

from gitsync.plan import syncrequests


@pytest.mark.parametrize(
    ("only", "prune", "text"),
    [
        ((), False, "7"),
        ((), True, "7 prune"),
        (("Job/a", "ConfigMap/*"), False, "7 only=Job/a,ConfigMap/*"),
        (("Job/prune",), True, "7 prune only=Job/prune"),
    ],
)
def test_a_request_is_read_as_it_is_written(only: tuple[str, ...], prune: bool, text: str) -> None:
    assert syncrequests.text("7", only, prune=prune) == text
    assert (syncrequests.selection(text), syncrequests.prunes(text)) == (only, prune)


@pytest.mark.parametrize("request_text", [None, "", "prune", "7 only=Job/prune", "7 only=prune prune"])
def test_an_id_or_an_object_of_that_name_deletes_nothing(request_text: str | None) -> None:
    assert not syncrequests.prunes(request_text)
