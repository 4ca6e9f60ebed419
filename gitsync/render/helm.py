"""Rendering a Helm chart with the `helm` program, as `helm template` and nothing more.

Knows the program and its words; which files it reads is found by `helmcharts`. No plugin, no
post-renderer, no repository, no cluster and no DNS: `lookup` and `getHostByName` give nothing. Its
arguments are fixed but for values that cannot be read as options.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitsync.git.memoryfiles import MemoryFiles
from gitsync.model.rendersets import RenderedObject, RenderError
from gitsync.render import documents, helmhooks
from gitsync.render.helmcharts import Chart
from gitsync.render.helmoptions import HelmOptions
from gitsync.render.programs import Export, Programs
from operator_core.errors import Reason, Stalled

PROGRAM = "GITSYNC_HELM"
"""Environment variable with the path of the helm to use."""
_SOURCE = re.compile(r"^# Source: [^/\s]+/(?P<path>\S+)$", re.MULTILINE)
_PLACE = re.compile(r"[\w.-]+/(?P<path>[\w./-]*templates/[\w./-]+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?[:>)\s]")
_WRAPPED = re.compile(r"(?P<once>template: \S+ executing \"[^\"]*\" at <[^>]*>: error calling \w+: )(?P=once)+")
"""A template that includes itself: Helm says so once per level."""


class Helm:
    """The program, where there is one. Safe to share between threads."""

    def __init__(self, program: Path | None = None, runner: Programs | None = None, *, path: str | None = None) -> None:
        """`program` is the one to use; else it is looked for on `path` (default: the environment's PATH)."""
        self._program = program or (Path(os.environ[PROGRAM]) if os.environ.get(PROGRAM) else None)
        self._runner = runner or Programs()
        self._path = path

    def close(self) -> None:
        """End runs that are under way."""
        self._runner.close()

    def template(
        self, chart: Chart, options: HelmOptions, contents: Mapping[str, bytes], packed: Mapping[str, bytes]
    ) -> tuple[tuple[RenderedObject, ...], tuple[RenderError, ...]]:
        """The chart's objects with Argo CD's annotations for Helm's hooks, or what is wrong.

        `contents` has each file's content by blob, `packed` archives of charts by place. Raises
        Stalled(HelmUnavailable), and Retry(RenderFailed).
        """
        found = shutil.which(str(self._program or "helm"), path=self._path)
        if found is None:
            where = f"{self._program} is no program" if self._program else "there is no 'helm' on the agent's PATH"
            remedy = f"install it, name it in the setting helm or in {PROGRAM}, or commit the rendered manifests"
            problem = f"{chart.directory or '.'} is a Helm chart, and {where}"
            raise Stalled(Reason.HelmUnavailable, f"{problem}: {remedy}")
        loose = {f"values-{n}.yaml": one for n, one in enumerate(chart.value_files) if n not in chart.closed}
        loose |= {f"file-{n}": content for n, (_, content) in enumerate(chart.parameter_files)}
        files = {place: contents[file.blob] for place, file in chart.files.items()}
        export = Export({**files, **packed}, chart.links, loose)
        with MemoryFiles() as memory:
            # What was encrypted reaches Helm through memory.
            places = {n: memory.add("values", chart.value_files[n].decode()) for n in chart.closed}
            ended = self._runner.run("helm", [found, *arguments(chart, options, places)], export)
        if ended.problem:
            return (), (explained(ended.problem, ended.stderr, chart.directory),)
        return joined(ended.stdout, chart.directory)


def arguments(chart: Chart, options: HelmOptions, places: Mapping[int, str]) -> list[str]:
    """What follows the program's name; later values win over earlier ones, parameters over values.

    `places`: where value files are, by number, that are no files beside the chart.
    """
    given = ["template", options.release, f"./{chart.directory}", f"--namespace={options.namespace}"]
    given += [] if options.skip_crds else ["--include-crds"]
    given += ["--skip-tests"] if options.skip_tests else []
    given += ["--skip-schema-validation"] if options.skip_schema_validation else []
    given += [f"--kube-version={options.kube_version}"] if options.kube_version else []
    given += [f"--api-versions={one}" for one in options.api_versions]
    given += [f"--values={places.get(n, f'../loose/values-{n}.yaml')}" for n in range(len(chart.value_files))]
    given += [f"--set={name}={value}" for name, value in options.parameters]
    given += [f"--set-string={name}={value}" for name, value in options.text_parameters]
    given += [f"--set-file={name}=../loose/file-{n}" for n, (name, _) in enumerate(chart.parameter_files)]
    return given


def joined(output: bytes, directory: str) -> tuple[tuple[RenderedObject, ...], tuple[RenderError, ...]]:
    """Helm's output as objects; each stands in the template that made it. Pure."""
    text = output.decode("utf-8", "replace")
    sources = [(text.count("\n", 0, one.start()) + 1, one["path"]) for one in _SOURCE.finditer(text)]
    parsed = documents.parse(output, is_json=False)
    errors = tuple(RenderError(_file(sources, e.line, directory), 0, 0, e.message) for e in parsed.errors)
    objects: list[RenderedObject] = []
    for found in parsed.objects:
        body = helmhooks.mapped(json.loads(found.text))
        if body is not None:
            objects.append(RenderedObject(body, _file(sources, found.line, directory), 1))
    return tuple(objects) if not errors else (), errors


def _file(sources: list[tuple[int, str]], line: int, directory: str) -> str:
    path = next((path for start, path in reversed(sources) if start <= line), "Chart.yaml")
    return f"{directory}/{path}" if directory else path


def explained(problem: str, stderr: str, directory: str) -> RenderError:
    """What Helm's words mean, with the template it names last: errors are wrapped outside in. Pure."""
    text = re.sub(r"^Error: ", "", _once(" ".join(stderr.split())))
    text = re.sub(r"\s*Use --debug flag to render out invalid YAML$", "", text)
    places = list(_PLACE.finditer(f"{text[:4000]} "))
    message = text[:1000] or problem
    if not places:
        return RenderError(f"{directory}/Chart.yaml" if directory else "Chart.yaml", 0, 0, message)
    last = places[-1]
    file = f"{directory}/{last['path']}" if directory else last["path"]
    return RenderError(file, int(last["line"] or 0), int(last["column"] or 0), message)


def _once(text: str) -> str:
    """Words without what is repeated for every level; of very many words the first were not kept."""
    found = _WRAPPED.search(text)
    if found is None:
        return text
    before = text[: found.start()]
    return ("" if found["once"].endswith(before) else before) + found["once"] + text[found.end() :]


__all__ = ["Helm", "arguments", "explained", "joined"]
