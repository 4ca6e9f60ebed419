"""What is remembered, and when it does not count."""

import threading

from gitsync.render.memos import Memo, fresh


def test_the_oldest_answers_go_when_there_is_no_room() -> None:
    memo: Memo[str] = Memo(2, lambda _: 1)
    for name in "ab":
        memo.put(name, name.upper())
    assert memo.get("a") == "A"
    memo.put("c", "C")
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == ("A", None, "C")


def test_room_is_counted_by_weight_and_what_is_too_heavy_is_not_kept() -> None:
    memo: Memo[str] = Memo(5, len)
    for text in ("aa", "bb", "cccccc"):
        memo.put(text[0], text)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == ("aa", "bb", None)
    memo.drop("a")
    memo.drop("a")
    memo.put("d", "ddd")
    assert (memo.get("a"), memo.get("b"), memo.get("d")) == (None, "bb", "ddd")
    memo.clear()
    memo.put("e", "eeeee")
    assert (memo.get("b"), memo.get("d"), memo.get("e")) == (None, None, "eeeee")


def test_nothing_is_remembered_for_whoever_wants_it_afresh() -> None:
    memo: Memo[str] = Memo(2, lambda _: 1)
    memo.put("a", "A")
    seen: list[str | None] = []
    with fresh():
        assert memo.get("a") is None
        other = threading.Thread(target=lambda: seen.append(memo.get("a")))
        other.start()
        other.join()
    assert (memo.get("a"), seen) == ("A", ["A"])
