"""Which commits leave what was rendered as it is, and what is remembered of an app that a commit passes over."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitsync.apply.claims import Claims
from gitsync.desired import aims
from gitsync.desired.aims import Made
from gitsync.desired.fetching import Move
from gitsync.git.mirrors import Mirror
from gitsync.model.identities import AppName, Identity
from gitsync.model.rendersets import InputFile, RenderedObject, RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.sources import Source
from gitsync.render.buildenvironment import AppContext
from gitsync.render.compositions import Composition
from gitsync.render.layouts import Place

URL = "https://example.org/repo.git"
VALUES = "https://example.org/values.git"


def revision(sha: str, ref: str = "main", url: str = URL) -> Revision:
    return Revision(url, ref, sha, datetime(2026, 1, 1, tzinfo=UTC), "Dev", "subject")


def made(directory: Path, *, body: dict[str, object] | None = None, errors: tuple[RenderError, ...] = ()) -> Made:
    """An app of `data/a` that read a base too, with a file of a second repository lent to it."""
    own = Source.model_validate({"repoURL": URL, "path": "data/a"})
    lender = Source.model_validate({"repoURL": VALUES, "ref": "values"})
    places = (
        Place(own, Mirror(URL, directory), revision("a1")),
        Place(lender, Mirror(VALUES, directory), revision("v1", url=VALUES)),
    )
    objects = (RenderedObject(body or {"apiVersion": "v1", "kind": "ConfigMap"}, "data/a/map.yaml", 1),)
    inputs = (InputFile("data/a/map.yaml", "b1"), InputFile("base/map.yaml", "b2"))
    render = RenderSet(revision("a1"), "data/a", objects=objects, inputs=inputs, errors=errors)
    lent = RenderSet(revision("v1", url=VALUES), "", inputs=(InputFile("prod/web.yaml", "b3"),), exact=True)
    result = Composition({0: render}, {1: lent}, render)
    return Made(((own, lender), AppContext("a")), places, ("a1", "v1"), result)


def move(new: str, *, old: str = "a1", ref: str = "main", url: str = URL) -> Move:
    return Move((url, ref), old, revision(new, ref, url))


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        (move("a2"), ["README.md", "data/b/map.yaml", "data/ab.yaml"]),
        (move("a2"), []),
        (move("v2", old="v1", url=VALUES), ["stage/web.yaml", "data/a/map.yaml"]),
    ],
)
def test_a_commit_that_changes_no_input_is_the_apps_from_then_on(
    tmp_path: Path, what: Move, changed: list[str]
) -> None:
    before = made(tmp_path)
    after = aims.moved(before, what, changed)
    assert after is not None
    assert (after.asked, after.content, after.result) == (before.asked, before.content, before.result)
    number = 0 if what.place[0] == URL else 1
    assert [one.revision.sha for one in after.places] == [
        what.new.sha if position == number else one.revision.sha for position, one in enumerate(before.places)
    ]


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        (move("a2"), ["data/a/new.yaml"]),
        (move("a2"), ["README.md", "base/map.yaml"]),
        (move("a2"), [".gitmodules"]),
        (move("v2", old="v1", url=VALUES), ["prod/web.yaml"]),
        (move("a2", ref="release"), []),
        (move("a3", old="a2"), []),
        (move("x2", url="https://example.org/other.git"), []),
    ],
    ids=["below", "base", "modules", "lent", "another-branch", "missed-one", "another-repository"],
)
def test_a_pass_looks_at_what_may_matter(tmp_path: Path, what: Move, changed: list[str]) -> None:
    assert aims.moved(made(tmp_path), what, changed) is None


def test_a_pass_looks_at_every_commit_of_what_is_broken_or_makes_apps(tmp_path: Path) -> None:
    broken = made(tmp_path, errors=(RenderError("data/a/map.yaml", 1, 1, "wrong"),))
    assert aims.moved(broken, move("a2"), ["README.md"]) is None
    parent = made(tmp_path, body={"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet"})
    assert aims.moved(parent, move("a2"), ["README.md"]) is None


def test_sources_of_one_place_move_together(tmp_path: Path) -> None:
    one = made(tmp_path)
    beside = replace(one.places[0], source=Source.model_validate({"repoURL": URL, "path": "data/b"}))
    result = replace(one.result, made={**one.result.made, 2: replace(one.result.made[0], path="data/b", inputs=())})
    several = replace(one, places=(*one.places, beside), result=result)
    after = aims.moved(several, move("a2"), ["README.md"])
    assert after is not None and [place.revision.sha for place in after.places] == ["a2", "v1", "a2"]
    assert aims.moved(several, move("a2"), ["data/b/map.yaml"]) is None


def test_what_an_app_wants_stays_known_when_a_commit_passes_it_over() -> None:
    newest = {(URL, "main"): "a1"}
    claims = Claims(lambda url, ref: newest.get((url, ref)))
    one, other = AppName("n", "one"), AppName("n", "other")
    wanted = Identity("", "ConfigMap", "n", "map")
    claims.wants(one, [wanted])
    assert not claims.passed_over(one, (URL, "main"), "a1", "a2"), "it was never looked at"
    claims.looked_at(one, {(URL, "main"): "a1"})
    newest[(URL, "main")] = "a2"
    places = {one: [(URL, "main")]}
    assert claims.unknown(other, {URL}, places) == one
    assert not claims.passed_over(one, (URL, "main"), "a0", "a2"), "it was looked at since another commit"
    assert claims.passed_over(one, (URL, "main"), "a1", "a2")
    assert claims.unknown(other, {URL}, places) is None
    assert claims.claimed(other, [wanted], [one]) == {wanted: one}
