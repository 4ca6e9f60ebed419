"""What a hook before a commit costs: `gitsync validate` over 100 files, in CPU seconds of the process and its children.

The programs run as an installed Python does, with compiled files kept and warm; beside it stand the start of Python
and the loading of what reads files, since the machine's mood moves all of them alike.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from gitsync.sandbox.demo import places
from gitsync.sandbox.progress import Progress

EACH = 50
"""FlinkDeployments, and as many ConfigMaps."""
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Cost:
    """The least and the middle of several runs, CPU seconds."""

    what: str
    least: float
    middle: float


def measure(progress: Progress) -> list[Cost]:
    """Run each command several times."""
    with tempfile.TemporaryDirectory(prefix="bench-validate-") as scratch, progress.stage("validate 100 files"):
        folder = Path(scratch) / "files"
        folder.mkdir()
        _write(folder)
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
        python = [sys.executable, "-c"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(scratch) / "compiled")
        commands = {
            "the start of Python": [*python, "pass"],
            "and loading what checks": [*python, "import gitsync.cli.gathering"],
            "`gitsync validate` of 100 files": [
                *python,
                "import sys; from gitsync.cli import main; sys.exit(main.run(['validate', '.']))",
            ],
        }
        return [_cost(what, command, folder, environment) for what, command in commands.items()]


def _write(folder: Path) -> None:
    job = yaml.safe_load((places.checkout_folder(places.EXAMPLE) / "apps/ticks.yaml").read_text())
    for number in range(EACH):
        job["metadata"]["name"] = f"job-{number}"
        (folder / f"job-{number}.yaml").write_text(yaml.safe_dump(job, sort_keys=False))
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: of-{number}, namespace: jobs}}\ndata: {{a: '1'}}\n"
        (folder / f"of-{number}.yaml").write_text(text)


def _cost(what: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> Cost:
    found = []
    for _ in range(ROUNDS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # The first run compiled.
    warm = sorted(found[1:])
    return Cost(what, warm[0], warm[len(warm) // 2])


def print_costs(costs: Sequence[Cost]) -> None:
    """As a table."""
    print("\n| what | CPU s, least | CPU s, middle |\n|---|---|---|")
    for cost in costs:
        print(f"| {cost.what} | {cost.least:.3f} | {cost.middle:.3f} |")
