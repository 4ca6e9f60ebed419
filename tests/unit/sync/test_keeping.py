"""Which savepoints the ledger keeps from retention."""

from gitsync.report import keeping
from operator_core.jsonvalues import Object


def snapshot(number: int, mark: str = "") -> Object:
    return {
        "metadata": {
            "name": f"app-savepoint-upgrade-{number:02d}",
            "creationTimestamp": f"2026-01-01T00:00:{number:02d}Z",
            "annotations": {"gitsync.io/kept-by": mark} if mark else {},
        },
        "status": {"path": f"file:/sp/{number}"},
    }


def test_what_a_record_names_is_kept_once() -> None:
    assert keeping.choice([snapshot(1), snapshot(2)], ["file:/sp/2"]) == (("app-savepoint-upgrade-02",), ())
    assert keeping.choice([snapshot(2, "ledger")], ["file:/sp/2"]) == ((), ())
    assert keeping.choice([snapshot(1)], []) == ((), ())


def test_the_newest_ten_stay_kept_and_the_marks_of_others_are_theirs() -> None:
    held = [snapshot(number, "ledger") for number in range(10)]
    kept, free = keeping.choice([*held, snapshot(20), snapshot(30, "deletion")], ["file:/sp/20", "file:/sp/30"])
    assert kept == ("app-savepoint-upgrade-20",)
    assert free == ("app-savepoint-upgrade-00",)
