"""The prebuilt jar of the demo's job belongs to the sources beside it, and building is reproducible."""

import hashlib
import zipfile
from pathlib import Path

from gitsync.sandbox.demojob import build, sources


def test_the_jar_was_built_from_the_sources_beside_it() -> None:
    files = sources.source_files()
    assert files, "the sources are part of the package"
    assert sources.recorded_digest(sources.JAR) == sources.source_digest(files), "run `make demo-jar`"


def test_the_jar_is_small_and_starts_at_the_main_class() -> None:
    with zipfile.ZipFile(sources.JAR) as archive:
        names = archive.namelist()
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
    assert sources.MAIN_CLASS.replace(".", "/") + ".class" in names
    assert f"Main-Class: {sources.MAIN_CLASS}\r\n" in manifest
    assert sources.JAR.stat().st_size < 20_000


def test_classes_are_for_java_11() -> None:
    with zipfile.ZipFile(sources.JAR) as archive:
        majors = {archive.read(name)[7] for name in archive.namelist() if name.endswith(".class")}
    assert majors == {55}, "class file version 55 is Java 11, the oldest that Flink 1.20 runs on"


def test_any_change_of_a_source_changes_the_digest(tmp_path: Path) -> None:
    one, other = tmp_path / "One.java", tmp_path / "Other.java"
    one.write_text("class One {}\n")
    other.write_text("class Other {}\n")
    before = sources.source_digest((one, other))
    one.write_bytes(b"class One {}\r\n")
    assert sources.source_digest((one, other)) == before, "line ends of a checkout do not count"
    one.write_text("class One { }\n")
    assert sources.source_digest((one, other)) != before
    assert sources.source_digest((one,)) != sources.source_digest((other,))


def test_packing_is_reproducible_and_keeps_the_digest_readable(tmp_path: Path) -> None:
    (tmp_path / "classes/io").mkdir(parents=True)
    (tmp_path / "classes/io/A.class").write_bytes(b"\xca\xfe\xba\xbe")
    digest = hashlib.sha256(b"x").hexdigest()
    build.write_jar(tmp_path / "classes", digest, tmp_path / "a.jar")
    build.write_jar(tmp_path / "classes", digest, tmp_path / "b.jar")
    assert (tmp_path / "a.jar").read_bytes() == (tmp_path / "b.jar").read_bytes()
    assert sources.recorded_digest(tmp_path / "a.jar") == digest
