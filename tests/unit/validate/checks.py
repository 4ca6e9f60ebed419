"""Manifests as text, checked as `gitsync validate` checks a directory of plain files."""

import json
import textwrap

from gitsync.model.rendersets import RenderedObject
from gitsync.render import documents
from gitsync.validate import checking, kinds
from gitsync.validate.checking import Directory, Report
from gitsync.validate.findings import Finding
from operator_core.conf.defaults import Defaults

JOB = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: orders
  namespace: flink
spec:
  image: flink:1.20.1
  flinkVersion: v1_20
  serviceAccount: flink
  flinkConfiguration:
    execution.checkpointing.interval: 10s
    execution.checkpointing.dir: s3://state/checkpoints
    execution.checkpointing.savepoint-dir: s3://state/savepoints
  jobManager:
    resource: {memory: 1024m, cpu: 1}
  taskManager:
    resource: {memory: 1024m, cpu: 1}
  job:
    jarURI: local:///opt/flink/usrlib/job.jar
    parallelism: 2
    upgradeMode: savepoint
"""
ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: flink, namespace: flink}
"""


def report(*files: str, ignored: tuple[str, ...] = (), defaults: dict[str, str] | None = None) -> Report:
    """The report about files a.yaml, b.yaml, … of one directory."""
    texts = {f"{chr(97 + number)}.yaml": textwrap.dedent(text) for number, text in enumerate(files)}
    objects: list[RenderedObject] = []
    for name, text in texts.items():
        parsed = documents.parse(text.encode(), is_json=False)
        assert not parsed.errors, parsed.errors
        objects += [RenderedObject(json.loads(found.text), name, found.line) for found in parsed.objects]
    known = kinds.known(kinds.schemas_of(None))
    return checking.check(
        [Directory("", tuple(objects))], known, Defaults(defaults or {}), texts.__getitem__, frozenset(ignored)
    )


def findings(*files: str, **options: object) -> list[Finding]:
    """All findings."""
    return list(report(*files, **options).findings)  # type: ignore[arg-type]


def told(*files: str) -> list[tuple[str, str]]:
    """(rule, `line:column message`) of every finding."""
    return [(one.rule, f"{one.line}:{one.column} {one.message}") for one in findings(*files)]


def changed(old: str, new: str, text: str = JOB) -> str:
    """`text` with one part replaced, which has to be there."""
    assert old in text
    return text.replace(old, new)
