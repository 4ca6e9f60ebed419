"""A running agent and charts that want out: each is said in its own app or reaches nothing, another app goes on."""

from dataclasses import dataclass, field
from pathlib import Path

import kubectls
import pytest
import renderers
from hostile import config_map, follow, is_synced, message_of
from syncing import Cluster, Repository, Start, wait_for

from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object, dig
from operator_core.kube.requests import CONFIG_MAPS

SECRET = "s3cret-of-the-agent"
DESCRIPTION = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n"


@dataclass(frozen=True)
class Case:
    """A chart's template data, options of its source, files beside the template; what its app says, if anything."""

    name: str
    message: str
    data: str = '  a: "{{ .Values.a }}"\n'
    helm: Object = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


REFUSED = (
    Case(
        "values-above",
        "'../../../outside.yaml' leads out of the repository",
        helm={"valueFiles": ["../../../outside.yaml"]},
    ),
    Case("values-absolute", "'/etc/passwd' does not exist", helm={"valueFiles": ["/etc/passwd"]}),
    Case("values-remote", "remote files are refused", helm={"valueFiles": ["https://localhost:1/values.yaml"]}),
    Case("values-linked", "its target is an absolute path", helm={"valueFiles": ["link.yaml"]}),
    Case(
        "set-file-above",
        "'../../../outside.yaml' leads out of the repository",
        helm={"fileParameters": [{"name": "a", "path": "../../../outside.yaml"}]},
    ),
    Case(
        "set-file-absolute",
        "'/etc/passwd' does not exist",
        helm={"fileParameters": [{"name": "a", "path": "/etc/passwd"}]},
    ),
    Case("environment", 'function "env" not defined', data='  a: {{ env "GITSYNC_OWN" | quote }}\n'),
    Case(
        "endless",
        "charts/endless/templates/map.yaml:6: template: ",
        data='  a: {{ include "x" . }}\n{{ define "x" }}{{ include "x" . }}{{ end }}\n',
    ),
    Case(
        "dependency",
        "'file:///etc' leads out of the repository",
        files={"Chart.yaml": f"{DESCRIPTION}dependencies: [{{name: x, version: 1.0.0, repository: 'file:///etc'}}]\n"},
    ),
)
EMPTY = (
    Case("host", "", data='  a: {{ getHostByName "localhost" | quote }}\n'),
    Case("file", "", data='  a: {{ .Files.Get "../../outside.yaml" | quote }}\n'),
    Case("cluster", "", data='  a: {{ (lookup "v1" "Namespace" "" "default").metadata | quote }}\n'),
)


def test_charts_reach_nothing_and_another_app_goes_on(
    cluster: Cluster,
    repository: Repository,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("GITSYNC_OWN", SECRET)
    (tmp_path / "outside.yaml").write_text(f"a: {SECRET}\n")
    files = {"good/good.yaml": config_map("good"), "outside.yaml": "a: of another directory\n"}
    for case in (*REFUSED, *EMPTY):
        chart = {"Chart.yaml": DESCRIPTION, "templates/map.yaml": MAP + case.data, **case.files}
        files |= {f"charts/{case.name}/{path}": text for path, text in chart.items()}
    link = repository.work / "charts/values-linked/link.yaml"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "outside.yaml")
    repository.commit("charts", {**files, "apps/README.md": "none\n"})
    helm = renderers.program(gotools.HELM, request.config)
    start(helm=str(helm), kubectl=kubectls.kubectl(tmp_path))
    for case in (*REFUSED, *EMPTY):
        follow(cluster, case.name, repoURL=str(repository.bare), path=f"charts/{case.name}", helm=case.helm)
    follow(cluster, "good", repoURL=str(repository.bare), path="good")
    for case in REFUSED:
        said = wait_for(f"{case.name} to say so", lambda name=case.name: message_of(cluster, name) or None)  # type: ignore[misc]
        assert case.message in said
        assert SECRET not in said and "Traceback" not in said
        assert cluster.get(CONFIG_MAPS, case.name) is None
    for case in EMPTY:
        found = wait_for(case.name, lambda name=case.name: cluster.get(CONFIG_MAPS, name))  # type: ignore[misc]
        assert not dig(found, "data", "a")
    sha = repository.commit("good", {"good/good.yaml": config_map("good", "2")})
    wait_for("the other app", lambda: is_synced(cluster, "good", sha) or None)
