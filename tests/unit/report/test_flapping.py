"""What people hear of an app that flaps: the beginning of trouble at once, its end once it lasts."""

from datetime import UTC, datetime, timedelta

from gitsync.model.identities import AppName
from gitsync.model.records import Phase, Record
from gitsync.model.syncstatuses import Condition, Status, Told
from gitsync.report import flapping, notices
from gitsync.report.notices import Where

BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
WHERE = Where(AppName("gitsync-system", "orders"), "prod", "https://example.org/team/jobs")


class App:
    """An app as its statuses follow each other; the agent starts anew between any two."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.status = Status()
        self.heard: list[str] = []
        self.phases: list[str] = []
        self._since = ("", BEGAN)

    def is_now(self, *, well: bool, after: float = 1.0, sha: str = "a") -> float | None:
        """A pass `after` seconds later; the seconds until it wants to look again."""
        self.now += timedelta(seconds=after)
        word = "True" if well else "False"
        if word != self._since[0]:
            self._since = (word, self.now)
        reason, since = ("Synced" if well else "Degraded"), self._since[1].isoformat()
        ready = Condition(type="Ready", status=word, reason=reason, message="m", last_transition_time=since)  # type: ignore[arg-type]
        bare = Status(conditions=(ready,), attempted_revision=sha * 40, told=self.status.told)
        phase = Phase.STABLE if well else Phase.FAILED
        record: Record | None = Record("prod", "orders", sha * 40, phase, reason, "m", self.now)
        left = flapping.left(self.status.told, bare, self.now)
        record = flapping.steadied(self.status.told, record, bare, self.now)
        told = notices.told(self.status.told, record, bare, self.now)
        new = Status.model_validate(bare.model_copy(update={"told": told}).to_json())
        found = notices.between(WHERE, self.status, new, record, self.now)
        self.heard += [one.event for one in found if one.event in ("ready", "not-ready")]
        self.phases += [one.event for one in found if one.event in ("stable", "failed")]
        self.status = new
        return left


def test_one_trouble_and_its_end_are_told_at_once() -> None:
    app = App()
    for well in (True, False, True):
        assert app.is_now(well=well) is None
    assert app.heard == ["not-ready", "ready"] and app.phases == ["stable", "failed", "stable"]


def test_a_hundred_turns_in_as_many_seconds_are_four_messages() -> None:
    app = App()
    for turn in range(100):
        app.is_now(well=turn % 2 == 0)
    assert app.heard == ["not-ready", "ready", "not-ready"]
    assert app.phases == ["stable", "failed", "stable", "failed"]
    left = app.is_now(well=True)
    assert left is not None and 0 < left <= 60
    assert app.is_now(well=True, after=left + 0.1) is None
    assert app.heard[3:] == ["ready"] and app.phases[4:] == ["stable"]


def test_each_relapse_makes_the_end_wait_longer() -> None:
    app = App()
    app.is_now(well=True)
    waits = []
    for _ in range(8):
        app.is_now(well=False)
        left = app.is_now(well=True) or 0.0
        waits.append(round(left))
        app.is_now(well=True, after=left + 0.1)
    assert waits == [0, 60, 120, 240, 480, 960, 960, 960]


def test_trouble_after_a_quiet_time_is_a_first_one_again() -> None:
    app = App()
    app.is_now(well=True)
    for _ in range(3):
        app.is_now(well=False, after=flapping.SOON.total_seconds() + 1)
        assert app.is_now(well=True) is None
    assert app.heard == ["not-ready", "ready"] * 3


def test_a_commit_that_mends_it_is_told_at_once() -> None:
    app = App()
    for turn in range(10):
        app.is_now(well=turn % 2 == 0)
    assert app.heard[-1] == "not-ready"
    assert app.is_now(well=True, sha="b") is None
    assert (app.heard[-1], app.phases[-1]) == ("ready", "stable")


def test_a_commit_that_needs_a_moment_begins_anew_too() -> None:
    app = App()
    for turn in range(10):
        app.is_now(well=turn % 2 == 0)
    app.is_now(well=False, sha="b")
    assert app.is_now(well=True, sha="b") is None
    assert (app.heard[-1], app.phases[-1]) == ("ready", "stable")


def test_words_say_why_the_end_may_take_a_while() -> None:
    before = Told(revision="a" * 40, phase="stable", trouble="", turns=0, turned=BEGAN.isoformat())
    ready = Condition(
        type="Ready", status="False", reason="Degraded", message="x", last_transition_time=BEGAN.isoformat()
    )
    bare = Status(conditions=(ready,), attempted_revision="a" * 40)
    told = notices.told(before, None, bare, BEGAN + timedelta(seconds=5))
    old, new = Status(told=before), bare.model_copy(update={"told": told})
    (notice,) = notices.between(WHERE, old, new, None, BEGAN)
    assert notice.message == "x; again, so its end is told once it lasts for 60 s"
