"""Images added to a sandbox, and files laid over folders that are bound as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.sandbox import errors
from gitsync.sandbox.images import overlays, pulling, registry
from gitsync.sandbox.images.models import Bind, Image, UnknownImage


def _java() -> Path:
    raise AssertionError("no Java is needed for this image")


def _overlay(tmp_path: Path, *files: str) -> Path:
    folder = tmp_path / "overlay"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_file_goes_beside_those_of_a_bound_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "lib" / "deep").mkdir(parents=True)
    (home / "lib" / "a.jar").touch()
    (home / "lib" / "deep" / "b.jar").touch()
    base = Image("base", ("x",), binds=(Bind(home / "lib", "/opt/lib"), Bind(home, "/other")))
    overlay = _overlay(tmp_path, "opt/lib/new.jar", "opt/usrlib/job.jar", "opt/lib/a.jar")
    found = {bind.target: bind.source for bind in overlays.laid_over(base, overlay, "new").binds}
    assert found == {
        "/other": home,
        "/opt/lib/a.jar": overlay / "opt/lib/a.jar",
        "/opt/lib/deep": home / "lib" / "deep",
        "/opt/lib/new.jar": overlay / "opt/lib/new.jar",
        "/opt/usrlib/job.jar": overlay / "opt/usrlib/job.jar",
    }


def test_an_added_image_is_found_by_name_with_or_without_the_default_tag(tmp_path: Path) -> None:
    overlay = _overlay(tmp_path, "etc/app.conf")
    registry.add(tmp_path, "app", "gitsync:dev", overlay)
    for name in ("app", "app:latest"):
        image = registry.resolve(tmp_path, name, _java)
        assert Bind(overlay / "etc/app.conf", "/etc/app.conf") in image.binds
        assert image.entrypoint == ("gitsync",)
    assert registry.names(tmp_path) == ("app:latest",)


def test_added_images_can_be_bases_and_are_read_anew(tmp_path: Path) -> None:
    overlay = _overlay(tmp_path, "one")
    registry.add(tmp_path, "a:1", "gitsync", overlay)
    registry.add(tmp_path, "b:1", "a:1", overlay)
    (overlay / "two").touch()
    targets = [bind.target for bind in registry.resolve(tmp_path, "b:1", _java).binds]
    assert "/one" in targets and "/two" in targets
    assert registry.release_needed(tmp_path, "b:1") is None


def test_the_release_behind_an_added_image(tmp_path: Path) -> None:
    registry.add(tmp_path, "job:1", "flink:1.20", _overlay(tmp_path, "x"))
    assert registry.release_needed(tmp_path, "job:1") == "1.20.5"


@pytest.mark.parametrize(("name", "base"), [("x:1", "nginx:1"), ("x:1", "x:1"), ("x", "x:latest")])
def test_an_unusable_base_is_refused(tmp_path: Path, name: str, base: str) -> None:
    with pytest.raises(errors.SandboxError, match="is not known here"):
        registry.add(tmp_path, name, base, _overlay(tmp_path, "f"))


def test_an_overlay_must_be_a_folder_and_stay_one(tmp_path: Path) -> None:
    with pytest.raises(errors.SandboxError, match="is not a folder"):
        registry.add(tmp_path, "x:1", "gitsync", tmp_path / "none")
    overlay = _overlay(tmp_path, "f")
    registry.add(tmp_path, "x:1", "gitsync", overlay)
    (overlay / "f").unlink()
    overlay.rmdir()
    with pytest.raises(UnknownImage, match="is gone"):
        registry.resolve(tmp_path, "x:1", _java)


def test_an_unknown_image_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownImage, match='no image "nginx:1"'):
        registry.resolve(tmp_path, "nginx:1", _java)


def test_a_wish_is_made_once_answered_and_repeated_after_a_refusal(tmp_path: Path) -> None:
    assert "is being fetched" in pulling.ask(tmp_path, "2.0.2")
    assert pulling.wishes(tmp_path) == ["2.0.2"]
    (pulling.folder(tmp_path) / "2.0.2").write_text("no network")
    assert pulling.wishes(tmp_path) == []
    assert pulling.ask(tmp_path, "2.0.2") == "no network"
    assert "is being fetched" in pulling.ask(tmp_path, "2.0.2")
    assert pulling.wishes(tmp_path) == ["2.0.2"]
