"""Runs containers as plain processes: the shell around `plainroots` and `monitor`.

The counterpart of `processes.start` for a sandbox without namespaces; what it gives is watched, signalled, adopted
and asked for its end in the same way. Flink gets what makes it stay on its pod's own address.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from gitsync.sandbox import components, layout, marks
from gitsync.sandbox.containers import monitor, plainroots, processes
from gitsync.sandbox.containers.plainroots import Paths
from gitsync.sandbox.containers.processes import Monitor, Process, Run
from gitsync.sandbox.containers.specs import ContainerSpec

PATHS = "paths.json"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVER = f"https://{components.PLAIN_ADDRESS}:{layout.API_PORT}"  # port 443 of a Service is root's
ENTRY_POINT = "/docker-entrypoint.sh"
CONFIGURATIONS = ("config.yaml", "flink-conf.yaml")


class PlainProcess(Process):
    """A container whose commands need no entering, only its paths."""

    def entered(self, argv: list[str]) -> list[str]:
        known = json.loads((self.run.folder / PATHS).read_text(encoding="utf-8"))
        paths = Paths(known["places"])
        return ["env", "-C", known["workdir"], *(paths.rewrite(word) for word in argv)]


def start(spec: ContainerSpec, address: str, hosts: Path, log: Path) -> Process:
    """Start the container of a pod at `address` whose JVMs know the names in `hosts`. Raises Impossible, OSError."""
    spec.folder.mkdir(parents=True, exist_ok=True)
    (spec.folder / "tmp").mkdir()
    (spec.folder / "termination-log").touch()
    changed, paths = plainroots.build(spec)
    changed.environment.update(_variables(changed, paths, hosts))
    if "FLINK_HOME" in changed.environment:
        _stay_at(address, changed)
    (spec.folder / PATHS).write_text(
        json.dumps({"places": dict(paths.places), "workdir": changed.workdir}), encoding="utf-8"
    )
    read, write = os.pipe()
    try:
        with log.open("ab") as output, (spec.folder / processes.STATUS).open("wb") as status:
            words = [str(status.fileno()), str(write), changed.workdir, *changed.argv]
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", monitor.__file__, *words],
                env=changed.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(status.fileno(), write),
                start_new_session=True,
            )
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    pid = processes.program(read) or child.pid
    run = Run(processes.identity(pid), processes.identity(child.pid), spec.folder, log, dict(changed.environment))
    return PlainProcess(run, processes.Child(child))


def adopt(run: Run) -> Process:
    """Go on with a container that another process started."""
    watched: Monitor = processes.Stranger(run.monitor)
    return PlainProcess(run, watched)


def _variables(spec: ContainerSpec, paths: Paths, hosts: Path) -> dict[str, str]:
    """What tells a program in variables that a mount or a name server would have told it."""
    address, _, port = SERVER.removeprefix("https://").partition(":")
    values = {
        "KUBERNETES_SERVICE_HOST": address,
        "KUBERNETES_SERVICE_PORT": port,
        marks.MARK: os.environ.get(marks.MARK, ""),
        "TMPDIR": str(spec.folder / "tmp"),
    }
    java = f"-Djdk.net.hosts.file={hosts} -Djava.io.tmpdir={spec.folder / 'tmp'}"
    values["JAVA_TOOL_OPTIONS"] = f"{spec.environment.get('JAVA_TOOL_OPTIONS', '')} {java}".strip()
    if SERVICE_ACCOUNT in paths.places and "KUBECONFIG" not in spec.environment:
        values["KUBECONFIG"] = str(_kubeconfig(Path(paths.places[SERVICE_ACCOUNT]), spec))
    return values


def _kubeconfig(account: Path, spec: ContainerSpec) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "pod",
        "clusters": [
            {
                "name": "pod",
                "cluster": {"server": SERVER, "certificate-authority": str(account / "ca.crt")},
            }
        ],
        "users": [{"name": "pod", "user": {"token": (account / "token").read_text(encoding="ascii")}}],
        "contexts": [
            {
                "name": "pod",
                "context": {
                    "cluster": "pod",
                    "user": "pod",
                    "namespace": (account / "namespace").read_text(encoding="ascii"),
                },
            }
        ],
    }
    place = spec.folder / "kubeconfig"
    with tempfile.NamedTemporaryFile("w", dir=spec.folder, delete=False, encoding="utf-8") as file:
        json.dump(document, file)  # readable by its owner only
    Path(file.name).rename(place)
    return place


def _stay_at(address: str, spec: ContainerSpec) -> None:
    """Bind Flink to its pod's address: its own integration takes these settings out of what it ships."""
    root = spec.folder / "root"
    script = root / ENTRY_POINT.lstrip("/")
    if script.is_symlink():
        text = script.read_text(encoding="utf-8").replace("0.0.0.0", address)
        script.unlink()
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
    conf = Path(spec.environment.get("FLINK_CONF_DIR") or f"{spec.environment['FLINK_HOME']}/conf")
    is_worker = any("taskmanager" in word for word in spec.argv)
    keys = (
        ("taskmanager.bind-host", "taskmanager.host")
        if is_worker
        else ("jobmanager.bind-host", "rest.bind-address", "rest.address")
    )
    lines = "".join(f"{key}: {address}\n" for key in keys)
    for name in CONFIGURATIONS:
        file = conf / name
        if file.is_file() and file.is_relative_to(root):
            file.write_text(f"{file.read_text(encoding='utf-8').rstrip()}\n{lines}", encoding="utf-8")
