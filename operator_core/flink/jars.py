"""Jars of session jobs on Flink's REST interface: upload, run, remove (Flink REST API, "/jars").

Pure: bodies and what answers mean. A jar is uploaded as one multipart part that is read while it is sent, so that
its size costs no memory here; `CONTENT` says how Flink recognises it.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from operator_core.decide.decisions import SubmitJob
from operator_core.flink.requests import FlinkRequest
from operator_core.jsonvalues import Object
from operator_core.model import flinkversions

UPLOAD = "/jars/upload"
CONTENT = "application/x-java-archive"
_BOUNDARY = "gitsync-jar-7d1f6a3c5e2b4890"
_CHUNK = 256 * 1024
_WITH_CONFIGURATION = flinkversions.parse("v1_17")
_WITH_CLAIM_MODE = flinkversions.parse("v1_20")


@dataclass(frozen=True, slots=True)
class Multipart:
    """The body of an upload of one file under a name."""

    file: Path
    name: str

    @property
    def content_type(self) -> str:
        """The header that names the boundary."""
        return f"multipart/form-data; boundary={_BOUNDARY}"

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return len(self._head) + self.file.stat().st_size + len(_TAIL)

    @property
    def _head(self) -> bytes:
        return (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="jarfile"; filename="{self.name}"\r\n'
            f"Content-Type: {CONTENT}\r\n\r\n"
        ).encode()

    def chunks(self) -> Iterator[bytes]:
        """The body, read as it is sent."""
        yield self._head
        with self.file.open("rb") as jar:
            while chunk := jar.read(_CHUNK):
                yield chunk
        yield _TAIL


_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


def empty() -> bytes:
    """A jar without classes, for a job whose classes the cluster has (as the Java operator uploads one)."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n")
    return held.getvalue()


def jar_id(answer: Object) -> str:
    """The id under which an uploaded jar is run and removed."""
    return str(answer.get("filename") or "").rpartition("/")[2]


def run(decision: SubmitJob, uploaded: str) -> FlinkRequest:
    """Run an uploaded jar as the recorded job; a savepoint is never claimed, for it stays on record."""
    version = flinkversions.parse(decision.flink_version) if decision.flink_version else _WITH_CLAIM_MODE
    body: Object = {
        "entryClass": decision.entry_class,
        "programArgsList": list(decision.args) or None,
        "parallelism": decision.parallelism or None,
        "jobId": decision.job_id,
        "allowNonRestoredState": decision.allow_non_restored,
        "savepointPath": decision.savepoint_path,
    }
    if decision.savepoint_path:
        body["claimMode" if version >= _WITH_CLAIM_MODE else "restoreMode"] = "NO_CLAIM"
    if version >= _WITH_CONFIGURATION and decision.configuration:
        body["flinkConfiguration"] = dict(decision.configuration)
    kept = {key: value for key, value in body.items() if value is not None}
    return FlinkRequest("POST", f"/jars/{uploaded}/run", body=kept)


def remove(uploaded: str) -> FlinkRequest:
    """Forget an uploaded jar."""
    return FlinkRequest("DELETE", f"/jars/{uploaded}")
