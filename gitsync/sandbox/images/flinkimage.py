"""The image `flink:*`: a Flink distribution laid out as in the official image, on this machine's Java.

Pure but for listing the distribution's folders. Same paths, user (9999), environment and entry point behaviour as
`flink` on Docker Hub, so that unmodified manifests work. Two things are quicker than there: the scripts of JobManagers
and TaskManagers start their JVM directly (`scripts/direct-start.sh`), and with a class archive (`classarchives`).
"""

from __future__ import annotations

from pathlib import Path

from gitsync.sandbox.images.models import Bind, Image

ROOT = "/opt/flink"
JAVA = "/opt/java/openjdk"
ARCHIVE = f"{ROOT}/archive"
SCRIPTS = Path(__file__).parent / "scripts"
DIRECT = tuple(
    f"{name}.sh"
    for name in ("kubernetes-jobmanager", "kubernetes-taskmanager", "jobmanager", "standalone-job", "taskmanager")
)
UID = 9999


def image(reference: str, release: str, home: Path, java_home: Path, archive: Path | None = None) -> Image:
    """The image of one release, whose distribution is at `home`; `archive` is a folder of `classarchives`."""
    binds = (
        *(Bind(home / part, f"{ROOT}/{part}") for part in ("lib", "opt", "licenses") if (home / part).is_dir()),
        *(Bind(entry, f"{ROOT}/plugins/{entry.name}") for entry in sorted((home / "plugins").iterdir())),
        *_scripts(home),
        Bind(java_home, JAVA),
        Bind(SCRIPTS / "docker-entrypoint.sh", "/docker-entrypoint.sh"),
        *((Bind(archive, ARCHIVE),) if archive else ()),
    )
    return Image(
        reference=reference,
        entrypoint=("/docker-entrypoint.sh",),
        command=("help",),
        binds=binds,
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


def _scripts(home: Path) -> list[Bind]:
    """The distribution's scripts one by one; those that start JVMs step aside under another name."""
    found = [Bind(SCRIPTS / "settings.awk", f"{ROOT}/bin/settings.awk")]
    for entry in sorted((home / "bin").iterdir()):
        name = f"stock-{entry.name}" if entry.name in DIRECT else entry.name
        found.append(Bind(entry, f"{ROOT}/bin/{name}"))
    return found + [Bind(SCRIPTS / "direct-start.sh", f"{ROOT}/bin/{name}") for name in DIRECT]
