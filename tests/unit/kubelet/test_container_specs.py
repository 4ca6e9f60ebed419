"""What a container sees where: an installation stays visible below a volume, anything else of an image does not."""

from __future__ import annotations

from pathlib import Path

from gitsync.sandbox.containers import specs
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images.models import Bind, Image


def binds_of(folder: Path, *binds: Bind) -> list[tuple[str, str]]:
    for name in ("tmp", "etc", "rw"):
        (folder / name).mkdir()
    spec = ContainerSpec(
        image=Image("some", ("run",), binds=binds),
        argv=("run",),
        environment={},
        folder=folder,
        hostname="pod",
        workdir="/",
        uid=1,
        gid=1,
        mounts=(Mount(folder / "volume", "/tmp", False),),
    )
    words = specs.options(spec, 3, 4)
    return [
        (words[at + 1], words[at + 2])
        for at, word in enumerate(words)
        if word in ("--bind", "--ro-bind") and words[at + 2].startswith("/tmp")
    ]


def test_an_installation_below_a_volume_stays_visible(tmp_path: Path) -> None:
    found = binds_of(tmp_path, Bind(Path("/tmp/clone"), "/tmp/clone", always_seen=True))
    volume = found.index((str(tmp_path / "volume"), "/tmp"))
    assert found[-1] == ("/tmp/clone", "/tmp/clone")
    assert volume < len(found) - 1


def test_other_files_of_an_image_are_hidden_by_a_volume(tmp_path: Path) -> None:
    found = binds_of(tmp_path, Bind(Path("/jars"), "/tmp/jars"))
    assert found[-1] == (str(tmp_path / "volume"), "/tmp")
