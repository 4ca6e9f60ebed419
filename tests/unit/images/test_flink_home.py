"""What is taken out of the two packages of Apache Flink."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from gitsync.sandbox.images import flinkhome, flinkimage


def test_jars_come_from_the_source_archive_and_scripts_from_the_wheel(tmp_path: Path) -> None:
    archive, wheel, home = tmp_path / "libraries.tar.gz", tmp_path / "flink.whl", tmp_path / "home"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "p-1/deps/lib/flink-dist-1.jar",
            "p-1/deps/plugins/m/x.jar",
            "p-1/setup.py",
            "p-1/deps/../../evil",
        ):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    with zipfile.ZipFile(wheel, "w") as zipped:
        for name in ("pyflink/bin/flink", "pyflink/conf/config.yaml", "pyflink/version.py", "pyflink/bin/"):
            zipped.writestr(name, b"x")
    flinkhome.unpack_libraries(archive, home)
    flinkhome.unpack_scripts(wheel, home)
    files = {str(path.relative_to(home)): path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()}
    assert set(files) == {"lib/flink-dist-1.jar", "plugins/m/x.jar", "bin/flink", "conf/config.yaml"}
    assert files["bin/flink"] == 0o755
    assert files["conf/config.yaml"] == 0o644


def test_the_image_has_the_official_layout_and_keeps_the_stock_scripts_beside_its_own(tmp_path: Path) -> None:
    for name in ("bin/flink", "bin/kubernetes-jobmanager.sh", "lib/a.jar", "plugins/m/x.jar", "conf/config.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    image = flinkimage.image("flink:1.20", "1.20.5", tmp_path, Path("/java"))
    places = {bind.target: bind.source for bind in image.binds}
    assert places["/opt/flink/lib"] == tmp_path / "lib"
    assert places["/opt/flink/plugins/m"] == tmp_path / "plugins" / "m"
    assert places["/opt/flink/bin/stock-kubernetes-jobmanager.sh"] == tmp_path / "bin" / "kubernetes-jobmanager.sh"
    assert places["/opt/flink/bin/kubernetes-jobmanager.sh"] == flinkimage.SCRIPTS / "direct-start.sh"
    assert places["/opt/java/openjdk"] == Path("/java")
    assert (image.uid, image.workdir, image.environment["FLINK_HOME"]) == (9999, "/opt/flink", "/opt/flink")
    assert flinkimage.ARCHIVE not in places
