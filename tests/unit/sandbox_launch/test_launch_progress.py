import io

import pytest

from gitsync.sandbox.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plain() -> tuple[Progress, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    return Progress(stream, terminal=False, clock=clock), stream, clock


def test_plain_stage_is_one_line_with_its_duration() -> None:
    progress, stream, clock = plain()
    with progress.stage("build"):
        clock.now += 2.5
    assert stream.getvalue() == "build: done in 2.5 s\n"


def test_failed_stage_says_so_and_lets_the_error_pass() -> None:
    progress, stream, clock = plain()
    with pytest.raises(ValueError, match="no"), progress.stage("build"):
        clock.now += 1
        raise ValueError("no")
    assert stream.getvalue() == "build: failed after 1.0 s\n"


def test_plain_updates_are_rare() -> None:
    progress, stream, clock = plain()
    with progress.stage("fetch"):
        for _ in range(31):
            clock.now += 1
            progress.update(f"at {clock.now - 100:.0f}")
    assert stream.getvalue().splitlines() == ["fetch ... 15 s at 15", "fetch ... 30 s at 30", "fetch: done in 31.0 s"]


def test_notes_and_stages_nest() -> None:
    progress, stream, _ = plain()
    with progress.stage("outer"):
        progress.note("hint")
        with progress.stage("inner"):
            pass
    assert stream.getvalue().splitlines() == ["  hint", "  inner: done in 0.0 s", "outer: done in 0.0 s"]


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [(1_500_000, 3_000_000, "1.5 of 3.0 MB (50 %)"), (1_500_000, None, "1.5 MB"), (1_500_000, 0, "1.5 MB")],
)
def test_bytes(done: int, total: int | None, shown: str) -> None:
    progress, stream, clock = plain()
    with progress.stage("fetch"):
        clock.now += 20
        progress.bytes(done, total)
    assert stream.getvalue().splitlines()[0] == f"fetch ... 20 s {shown}"


def test_terminal_redraws_its_line_and_ends_it() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, terminal=True, clock=clock)
    with progress.stage("build"):
        clock.now += 0.05
        progress.update("too soon to draw")
        clock.now += 0.2
        progress.update("package 3")
    text = stream.getvalue()
    assert "too soon" not in text
    assert "\r\033[Kbuild ... 0 s package 3" in text
    assert text.endswith("\r\033[Kbuild: \033[32mdone in 0.2 s\033[0m\n")


def test_update_outside_a_stage_is_silent() -> None:
    progress, stream, _ = plain()
    progress.update("nothing runs")
    assert stream.getvalue() == ""
