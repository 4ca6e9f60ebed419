"""The Flink image's own start scripts against the distribution's: the same JVM, option by option.

Java is a wrapper that lets Flink's helper programs run and prints what the last one, the real process, would be.
"""

from __future__ import annotations

import queue
import re
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from gitsync.sandbox import toolchains
from gitsync.sandbox.containers import processes
from gitsync.sandbox.containers.processes import End
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images import flinkhome, flinkimage
from gitsync.sandbox.images.models import Bind, Image
from gitsync.sandbox.progress import Progress

LIMIT_S = 120.0
WRAPPER = """#!/bin/sh
case "$*" in *BashJavaUtils*|*-version*|*-XshowSettings*) exec /opt/java/real/bin/java "$@" ;; esac
for word; do echo "WORD $word"; done
"""
QUICK = re.compile(r"-XX:\+Use\w+GC$|-XX:TieredStopAtLevel|-XX:SharedArchiveFile|-Xlog:cds")
OPENS = "--add-opens=java.base/java.util=ALL-UNNAMED"


def first_of(table: dict[str, str]) -> list[ParameterSet]:
    """One of a table for every run, the rest for long ones: each boots Flink's own scripts, which takes seconds."""
    first, *rest = table.items()
    long = [pytest.param(value, id=name, marks=pytest.mark.full) for name, value in rest]
    return [pytest.param(first[1], id=first[0]), *long]


@pytest.fixture(scope="module", params=[pytest.param("1.20.5", marks=pytest.mark.full), "2.3.0"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    java = tmp_path_factory.mktemp("java")
    (java / "bin").mkdir()
    (java / "bin" / "java").write_text(WRAPPER)
    (java / "bin" / "java").chmod(0o755)
    real = toolchains.find_java(Progress())
    release = str(request.param)
    image = flinkimage.image(f"flink:{release}", release, flinkhome.assemble(release, Progress()), java)
    return replace(image, binds=(*image.binds, Bind(real, "/opt/java/real")))


def words(image: Image, folder: Path, configuration: str, command: str, **variables: str) -> list[str]:
    """The arguments of the JVM that `command` would start, without what only makes it start quickly."""
    (folder / "conf").mkdir(parents=True)
    for file in (flinkhome.location(image.environment["FLINK_VERSION"]) / "conf").glob("log*"):
        (folder / "conf" / file.name).write_bytes(file.read_bytes())
    (folder / "conf" / "config.yaml").write_text(configuration)
    (folder / "etc").mkdir()
    spec = ContainerSpec(
        image=image,
        argv=("/docker-entrypoint.sh", "bash", "-c", command),
        environment=image.environment | {"HOSTNAME": "h"} | variables,
        folder=folder,
        hostname="h",
        workdir=image.workdir,
        uid=image.uid,
        gid=image.gid,
        mounts=(Mount(folder / "conf", "/opt/flink/conf", True),),
        own_network=True,
    )
    process = processes.start(spec, None, folder / "log")
    ended: queue.SimpleQueue[End] = queue.SimpleQueue()
    process.watch(ended.put)
    end = ended.get(timeout=LIMIT_S)
    output = (folder / "log").read_text()
    assert end == End(0), output
    found = [line.removeprefix("WORD ") for line in output.splitlines() if line.startswith("WORD ")]
    kept = [re.sub(r":+$", "", word) for word in found if not QUICK.match(word)]
    return _with_pairs_sorted(kept)


def _with_pairs_sorted(found: list[str]) -> list[str]:
    """`-D key=value` pairs in the order of their keys: Flink gives them out of a hash map."""
    pairs = sorted(f"-D {found[i + 1]}" for i, word in enumerate(found) if word == "-D")
    skipped = {i + 1 for i, word in enumerate(found) if word == "-D"}
    rest = [word for i, word in enumerate(found) if word != "-D" and i not in skipped]
    return rest + pairs


CONFIGURATIONS = {
    "nested": "jobmanager:\n  memory:\n    process:\n      size: 1024m\n"
    f"env:\n  java:\n    opts:\n      all: {OPENS}\n",
    "flat": f"jobmanager.memory.process.size: '2 gb'\nenv.java.opts.all: {OPENS}\n"
    "env.java.opts.jobmanager: -Da=b -Dc=$FLINK_LOG_PREFIX\n",
    "parts": "jobmanager.memory.process.size: 3000m\njobmanager.memory.off-heap.size: 256mb\n"
    "jobmanager.memory.jvm-metaspace.size: 300m\njobmanager.memory.jvm-overhead.fraction: 0.17\n",
    "large": "jobmanager.memory.process.size: 16g\n",
    "by its parts": "jobmanager.memory.heap.size: 512m\n",  # left to the distribution's script
    "total": "jobmanager.memory.flink.size: 1g\n",
    "not plain": "jobmanager.memory.process.size: 1600m\nenv.java.opts.all: >-\n  -Da=b\n  -Dc=d\n",
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys())
def test_the_jobmanager_is_the_one_flink_would_start(image: Image, tmp_path: Path, configuration: str) -> None:
    command = "kubernetes-jobmanager.sh kubernetes-application -D x=y"
    direct = words(image, tmp_path / "direct", configuration, command)
    stock = words(image, tmp_path / "stock", configuration, command, SANDBOX_STOCK_START="true")
    assert direct == stock
    assert any(word.startswith("-Xmx") for word in direct)


def test_the_taskmanager_is_the_one_flink_would_start(image: Image, tmp_path: Path) -> None:
    configuration = f"env.java.opts.all: {OPENS}\nenv.java.opts.taskmanager: -Dt=m\n"
    command = "kubernetes-taskmanager.sh -Dtaskmanager.resource-id='a-1' -D taskmanager.cpu.cores=1.0"
    memory = "-Xmx161061270 -Xms161061270 -XX:MaxDirectMemorySize=201326592 -XX:MaxMetaspaceSize=268435456"
    direct = words(image, tmp_path / "direct", configuration, command, FLINK_TM_JVM_MEM_OPTS=memory)
    stock = words(
        image, tmp_path / "stock", configuration, command, FLINK_TM_JVM_MEM_OPTS=memory, SANDBOX_STOCK_START="true"
    )
    assert direct == stock
    assert "-Dt=m" in direct and "-Xmx161061270" in direct


STANDALONE = {
    "session": "jobmanager.sh start-foreground",
    "session with high availability": "jobmanager.sh start-foreground -D jobmanager.rpc.address=10.0.0.1",
    "session of the older form": "jobmanager.sh start-foreground somewhere",
    "application": "standalone-job.sh start-foreground --job-classname a.B --fromSavepoint file:/s x",
    "task manager": "taskmanager.sh start-foreground",
}


@pytest.mark.parametrize("command", first_of(STANDALONE))
def test_standalone_processes_are_those_flink_would_start(image: Image, tmp_path: Path, command: str) -> None:
    configuration = (
        f"jobmanager.memory.process.size: 1024m\ntaskmanager.memory.process.size: 1100m\nenv.java.opts.all: {OPENS}\n"
    )
    direct = words(image, tmp_path / "direct", configuration, command)
    stock = words(image, tmp_path / "stock", configuration, command, SANDBOX_STOCK_START="true")
    assert sorted(direct) == sorted(stock)
    assert any(word.startswith("-Xmx") for word in direct)


TASK_MANAGERS = {
    "managed size": "taskmanager.memory.managed.size: 64m\ntaskmanager.memory.process.size: 1100m\n",
    "managed fraction": "taskmanager.memory.managed.fraction: 0.25\ntaskmanager.memory.process.size: 4g\n"
    "taskmanager.numberOfTaskSlots: 3\n",
    "by its parts": "taskmanager.memory.task.heap.size: 256m\ntaskmanager.memory.managed.size: 64m\n",
}


@pytest.mark.parametrize("configuration", first_of(TASK_MANAGERS))
def test_the_memory_of_a_standalone_task_manager_is_flinks(image: Image, tmp_path: Path, configuration: str) -> None:
    command = "taskmanager.sh start-foreground"
    direct = words(image, tmp_path / "direct", configuration, command)
    stock = words(image, tmp_path / "stock", configuration, command, SANDBOX_STOCK_START="true")
    assert sorted(direct) == sorted(stock)
