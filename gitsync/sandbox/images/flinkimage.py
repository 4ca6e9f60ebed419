"""The image `flink:*`: a Flink distribution laid out as in the official image, on this machine's Java.

Pure from its arguments. Same paths, user (9999), environment and entry point behaviour as `flink` on Docker Hub, so
that unmodified manifests work; the jars are bound one by one, because an overlay may add to each of the folders.
"""

from __future__ import annotations

from pathlib import Path

from gitsync.sandbox.images.models import Bind, Image

ROOT = "/opt/flink"
JAVA = "/opt/java/openjdk"
SCRIPTS = Path(__file__).parent / "scripts"
UID = 9999


def image(reference: str, release: str, home: Path, java_home: Path) -> Image:
    """The image of one release, whose distribution is at `home`."""
    return Image(
        reference=reference,
        entrypoint=("/docker-entrypoint.sh",),
        command=("help",),
        binds=(
            *(
                Bind(home / part, f"{ROOT}/{part}")
                for part in ("bin", "lib", "opt", "licenses")
                if (home / part).is_dir()
            ),
            *(Bind(entry, f"{ROOT}/plugins/{entry.name}") for entry in sorted((home / "plugins").iterdir())),
            Bind(java_home, JAVA),
            Bind(SCRIPTS / "docker-entrypoint.sh", "/docker-entrypoint.sh"),
        ),
        copies=(Bind(home / "conf", f"{ROOT}/conf"),),
        scratch=(f"{ROOT}/log",),
        workdir=ROOT,
        user="flink",
        uid=UID,
        gid=UID,
        home=ROOT,
        environment={
            "PATH": f"{ROOT}/bin:{JAVA}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": ROOT,
            "LANG": "C.UTF-8",
            "FLINK_HOME": ROOT,
            "FLINK_VERSION": release,
            "JAVA_HOME": JAVA,
        },
    )
