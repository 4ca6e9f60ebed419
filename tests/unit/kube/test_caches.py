"""The cache never goes back in time, whatever order lists, watch events and own writes come in."""

from typing import Any

import pytest

from operator_core.kube.caches import Cache, without_managed_fields
from operator_core.kube.requests import CONFIG_MAPS
from operator_core.kube.watching import Changed, Listed


def obj(name: str, version: int, uid: str = "u1", namespace: str = "ns") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": str(version)}}


class Script:
    """A cache fed by hand, with the changes it told."""

    def __init__(self, *namespaces: str) -> None:
        self.told: list[tuple[str, str]] = []
        self.cache = Cache(
            None,  # type: ignore[arg-type]
            CONFIG_MAPS,
            namespaces=namespaces,
            on_change=lambda kind, changed: self.told.append((kind, changed["metadata"]["name"])),
        )

    def feed(self, event: Listed | Changed, scope: str | None = None) -> None:
        self.cache._take(scope, event)

    def version(self, name: str) -> str | None:
        found = self.cache.get("ns", name)
        return None if found is None else found["metadata"]["resourceVersion"]


def test_a_watch_event_older_than_our_own_write_is_dropped() -> None:
    script = Script()
    script.cache.observed(obj("a", 7))
    script.feed(Changed("MODIFIED", obj("a", 5)))
    assert script.version("a") == "7"
    assert script.told == []


def test_the_event_of_our_own_write_tells_nothing_new() -> None:
    script = Script()
    script.cache.observed(obj("a", 7))
    script.feed(Changed("MODIFIED", obj("a", 7)))
    assert script.told == []


def test_a_change_of_nothing_that_is_kept_is_stored_and_not_told() -> None:
    script = Script()
    script.feed(Changed("ADDED", obj("a", 1)))
    entry = obj("a", 4)
    entry["metadata"]["managedFields"] = [{"manager": "x"}]
    script.feed(Changed("MODIFIED", entry))
    script.feed(Listed((obj("a", 6),), "6"))
    assert script.version("a") == "6"
    assert script.told == [("ADDED", "a")]
    script.feed(Changed("MODIFIED", obj("a", 7) | {"data": {"k": "v"}}))
    assert script.told[1:] == [("MODIFIED", "a")]


def test_another_object_of_the_name_is_told_however_alike() -> None:
    script = Script()
    script.feed(Changed("ADDED", obj("a", 1)))
    script.feed(Changed("MODIFIED", obj("a", 2, uid="u2")))
    assert script.told == [("ADDED", "a"), ("MODIFIED", "a")]


def test_a_list_removes_what_is_gone_but_not_what_was_written_after_it() -> None:
    script = Script()
    script.feed(Listed((obj("a", 1), obj("b", 2)), "3"))
    script.cache.observed(obj("new", 9))
    script.feed(Listed((obj("b", 2),), "5"))
    assert script.version("a") is None
    assert script.version("b") == "2"
    assert script.version("new") == "9"
    assert script.told == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_a_late_event_does_not_resurrect_a_deleted_object() -> None:
    script = Script()
    script.feed(Listed((obj("a", 1),), "1"))
    script.feed(Changed("DELETED", obj("a", 4)))
    script.feed(Changed("MODIFIED", obj("a", 3)))
    assert script.version("a") is None


def test_a_recreated_object_is_not_removed_by_the_deletion_of_its_predecessor() -> None:
    script = Script()
    script.cache.observed(obj("a", 9, uid="u2"))
    script.feed(Changed("DELETED", obj("a", 8, uid="u1")))
    assert script.version("a") == "9"


def test_synced_only_when_every_namespace_was_listed() -> None:
    script = Script("ns", "other")
    script.feed(Listed((), "1"), "ns")
    assert not script.cache.wait_synced(0)
    script.feed(Listed((obj("a", 1, namespace="other"),), "1"), "other")
    assert script.cache.wait_synced(0)
    script.feed(Listed((), "4"), "ns")
    assert len(script.cache.items()) == 1


@pytest.mark.parametrize("meta", [{"name": "a"}, {"name": "a", "managedFields": [{"manager": "x"}]}])
def test_managed_fields_are_projected_away_without_changing_the_original(meta: dict[str, Any]) -> None:
    original = {"metadata": dict(meta), "data": {"k": "v"}}
    assert without_managed_fields(original) == {"metadata": {"name": "a"}, "data": {"k": "v"}}
    assert original["metadata"] == meta


def test_a_namespace_out_of_sight_is_dropped_and_a_late_event_of_its_watch_ignored() -> None:
    script = Script("ns", "other")
    script.feed(Listed((obj("a", 1),), "2"), "ns")
    script.feed(Listed((obj("b", 2, namespace="other"),), "2"), "other")
    script.cache.follow(("other",))
    assert (script.version("a"), script.cache.covers("ns"), script.cache.covers("other")) == (None, False, True)
    script.feed(Changed("MODIFIED", obj("a", 5)), "ns")
    script.feed(Listed((obj("a", 6),), "6"), "ns")
    assert script.version("a") is None
    assert script.told == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_what_happened_while_the_scope_changed_is_told() -> None:
    script = Script()
    script.feed(Listed((obj("kept", 1), obj("gone", 2), obj("out", 3, namespace="other")), "3"))
    script.cache.follow(("ns",))
    assert not script.cache.covers("ns")
    assert script.version("kept") == "1"
    script.told.clear()
    script.feed(Listed((obj("kept", 5) | {"data": {"k": "v"}}, obj("new", 6)), "7"), "ns")
    assert script.cache.covers("ns")
    assert script.told == [("DELETED", "gone"), ("MODIFIED", "kept"), ("ADDED", "new")]


def test_watching_all_keeps_what_is_known() -> None:
    script = Script("ns")
    script.feed(Listed((obj("a", 1),), "2"), "ns")
    script.cache.follow(())
    assert script.version("a") == "1"
    script.feed(Listed((obj("a", 1), obj("b", 3, namespace="other")), "4"))
    assert script.cache.covers("anything")
    assert script.told == [("ADDED", "a"), ("ADDED", "b")]
