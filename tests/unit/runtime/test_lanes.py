"""Who may be in a lane, and who is woken when."""

from operator_core.runtime.lanes import Lane
from operator_core.runtime.queues import Key


def key(name: str) -> Key:
    return Key("Job", "ns", name)


def test_keys_beyond_the_width_wait_in_order_and_are_woken_one_by_one() -> None:
    woken: list[Key] = []
    lane = Lane(2, woken.append)
    assert [lane.enter(key(name)) for name in "abcd"] == [True, True, False, False]
    assert not lane.enter(key("c"))
    lane.leave(key("a"))
    assert woken == [key("c")]
    assert lane.enter(key("c"))
    assert not lane.enter(key("e"))
    lane.leave(key("b"))
    lane.leave(key("c"))
    assert woken == [key("c"), key("d"), key("e")]


def test_who_does_not_need_the_lane_any_more_does_not_hold_up_others() -> None:
    woken: list[Key] = []
    lane = Lane(1, woken.append)
    assert lane.enter(key("a"))
    assert not lane.enter(key("b"))
    assert not lane.enter(key("c"))
    lane.forget(key("b"))
    lane.leave(key("a"))
    assert woken == [key("c")]


def test_a_lane_has_room_for_one_at_least() -> None:
    assert Lane(0, lambda _: None).enter(key("a"))
