"""Compiles the demo job: `python -m gitsync.sandbox.demojob.build [FLINK_HOME]`.

The same sources and compiler give the same bytes (fixed times and order), so a rebuilt jar shows up in Git only
when the job changed. Compiles against Flink 1.20 for Java 11, the oldest pair the job serves; whether it runs on
the newest Flink is a question for the end-to-end tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from gitsync.sandbox import errors
from gitsync.sandbox.demojob import sources

FLINK_VERSION = "1.20"
JAVA_RELEASE = "11"
FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def compile_classes(flink_home: Path, into: Path) -> None:
    """Run javac; raises SandboxError with the compiler's own words."""
    javac = shutil.which("javac")
    if javac is None:
        raise errors.SandboxError("no javac on PATH; install Debian's openjdk-17-jdk-headless")
    jars = sorted((flink_home / "lib").glob("flink-dist-*.jar"))
    if not jars:
        raise errors.SandboxError(f"{flink_home}/lib has no flink-dist jar; name the folder of a Flink distribution")
    command = [javac, "--release", JAVA_RELEASE, "-Xlint:all", "-Werror", "-g:source,lines", "-cp", str(jars[0])]
    command += ["-d", str(into), *(str(file) for file in sources.source_files())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise errors.SandboxError(f"javac refused the demo job:\n{done.stdout}{done.stderr}")


def write_jar(classes: Path, digest: str, jar: Path) -> None:
    """Pack the classes in `classes`; the same input gives the same bytes."""
    manifest = f"Manifest-Version: 1.0\r\nMain-Class: {sources.MAIN_CLASS}\r\n"
    # A manifest line holds at most 72 bytes (JAR file specification); the rest goes on after one space.
    attribute = f"{sources.DIGEST_ATTRIBUTE}: {digest}"
    manifest += f"{attribute[:70]}\r\n {attribute[70:]}\r\n\r\n"
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(_entry("META-INF/MANIFEST.MF"), manifest)
        for file in sorted(classes.rglob("*.class")):
            archive.writestr(_entry(file.relative_to(classes).as_posix()), file.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def build(flink_home: Path, jar: Path) -> None:
    """Compile and pack the job into `jar`."""
    with tempfile.TemporaryDirectory(prefix="demo-job.") as scratch:
        classes = Path(scratch)
        compile_classes(flink_home, classes)
        write_jar(classes, sources.source_digest(sources.source_files()), jar)


def _flink_home(arguments: list[str]) -> Path:
    if arguments:
        return Path(arguments[0])
    from gitsync.sandbox.images import flinkhome, releases
    from gitsync.sandbox.progress import Progress

    return flinkhome.assemble(releases.NEWEST_PATCH[FLINK_VERSION], Progress())


def main(arguments: list[str]) -> int:
    """Build beside the sources; prints the size."""
    try:
        build(_flink_home(arguments), sources.JAR)
    except errors.SandboxError as error:
        print(f"demo-job: {error}", file=sys.stderr)
        return 3
    print(f"{sources.JAR.name}: {sources.JAR.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
