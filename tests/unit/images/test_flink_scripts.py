"""The shell half of the Flink image: its configuration reader and its entry point, run as they are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitsync.sandbox.images import flinkimage

SETTINGS = flinkimage.SCRIPTS / "settings.awk"
ENTRY = flinkimage.SCRIPTS / "docker-entrypoint.sh"


def flattened(text: str) -> tuple[int, dict[str, str]]:
    done = subprocess.run(["awk", "-f", str(SETTINGS)], input=text, capture_output=True, text=True, check=False)
    return done.returncode, dict(line.split("\t", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: 1\nb.c: 2\n", {"a": "1", "b.c": "2"}),
        ("a:\n  b:\n    c: x\n  d: y\ne: z\n", {"a.b.c": "x", "a.d": "y", "e": "z"}),
        ('a: \'it\'\'s\'\nb: "say \\"x: y\\""\n"c.d": e\n', {"a": "it's", "b": 'say "x: y"', "c.d": "e"}),
        ("# c\n\na: b # comment\nc: d#e\n", {"a": "b", "c": "d#e"}),
        ("u: hdfs://h:8020/p\nt: 12:30\n", {"u": "hdfs://h:8020/p", "t": "12:30"}),
        ("l:\n- a: b\n  c: d\n- e\nm:\n  - f: g\n    h: i\n  n: o\n", {"m.n": "o"}),
        ("a: []\nb: {}\n$internal.x: y\n", {"a": "[]", "b": "{}", "$internal.x": "y"}),
        ("a:\n  b: 1\nc:\n  a: 2\n", {"a.b": "1", "c.a": "2"}),
        (
            "opts: -Dx=y --add-opens=java.base/java.lang=ALL-UNNAMED\n",
            {"opts": "-Dx=y --add-opens=java.base/java.lang=ALL-UNNAMED"},
        ),
        ("---\na: b\r\n", {"a": "b"}),
    ],
)
def test_plain_configurations_are_flattened(text: str, values: dict[str, str]) -> None:
    assert flattened(text) == (0, values)


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  b\n",
        "a: >-\n  b\n",
        "a: {b: c}\n",
        "a: b\n  c\n",
        "a: &x b\n",
        "\ta: b\n",
        "just words\n",
        'a: "\\u0041"\n',
        "a: 'b\n",
    ],
)
def test_what_is_not_plain_is_left_to_flink(text: str) -> None:
    assert flattened(text)[0] == 3


def entry(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "FLINK_HOME": str(home), **variables}
    return subprocess.run([str(ENTRY), *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A Flink home whose scripts print how they were called."""
    for name in ("jobmanager.sh", "taskmanager.sh", "standalone-job.sh", "historyserver.sh", "config-parser-utils.sh"):
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text('#!/bin/sh\necho "${0##*/}" "$@"\n')
        script.chmod(0o755)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("a: b\n")
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "s3.jar").touch()
    return tmp_path


def test_other_commands_run_as_they_are_without_any_helper(home: Path) -> None:
    assert entry(home, "bash", "-c", 'echo "$0 $1"', "x y", "z").stdout == "x y z\n"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("jobmanager", "jobmanager.sh"),
        ("taskmanager", "taskmanager.sh"),
        ("standalone-job", "standalone-job.sh"),
        ("history-server", "historyserver.sh"),
    ],
)
def test_flinks_processes_run_in_the_foreground(home: Path, command: str, script: str) -> None:
    assert entry(home, command, "-D", "x=y").stdout.splitlines()[-1] == f"{script} start-foreground -D x=y"


def test_the_environment_changes_the_configuration(home: Path) -> None:
    variables = {
        "FLINK_PROPERTIES": "k.one: v 1\n# no\nk.two:  x:y  \n",
        "JOB_MANAGER_RPC_ADDRESS": "jm",
        "TASK_MANAGER_NUMBER_OF_TASK_SLOTS": "3",
    }
    configured = entry(home, "taskmanager", **variables).stdout.splitlines()[0]
    assert configured.startswith(
        f"config-parser-utils.sh {home}/conf {home}/bin {home}/lib -Djobmanager.rpc.address=jm"
    )
    assert configured.endswith("-Dk.one=v 1 -Dk.two=x:y -Dtaskmanager.numberOfTaskSlots=3")


def test_plugins_are_taken_out_of_opt(home: Path) -> None:
    assert entry(home, "true", ENABLE_BUILT_IN_PLUGINS="s3.jar").returncode == 0
    assert (home / "plugins" / "s3" / "s3.jar").resolve() == home / "opt" / "s3.jar"
    refused = entry(home, "true", ENABLE_BUILT_IN_PLUGINS="none.jar")
    assert refused.returncode == 1
    assert "none.jar" in refused.stderr
