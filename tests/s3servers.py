"""A real S3 server for tests: versitygw over a folder, with signatures checked and accounts that may do less."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitsync.sandbox import gotools
from gitsync.sandbox.progress import Progress

if TYPE_CHECKING:
    import minio

ACCESS, SECRET = "gitsynctest", "secret-of-tests"
_DEADLINE = 60.0


@dataclass(slots=True)
class S3Server:
    """A running server; its root account owns every bucket, which are the folders in `data`."""

    port: int
    program: Path
    folder: Path
    host: str

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def conf(self) -> dict[str, str]:
        """How a job's configuration names the server."""
        return {"s3.endpoint": self.endpoint, "s3.path.style.access": "true"}

    def arguments(self, folder: str) -> list[str]:
        """What the program is told so that it serves at the same address what lies in a folder."""
        options = ["--port", f"{self.host}:{self.port}", "--access", ACCESS, "--secret", SECRET, "--quiet"]
        return [*options, "posix", "--disableotmp", "--sidecar", f"{folder}/meta", f"{folder}/data"]

    def requests(self) -> int:
        """How many were answered."""
        return len((self.folder / "requests").read_text().splitlines())

    def client(self) -> minio.Minio:
        """One of the root account."""
        import minio

        return minio.Minio(f"{self.host}:{self.port}", ACCESS, SECRET, secure=False, region="us-east-1")

    def bucket(self, name: str, *keys: str) -> None:
        """A bucket with objects."""
        client = self.client()
        client.make_bucket(name)
        for key in keys:
            self.put(name, key)

    def put(self, bucket: str, key: str) -> None:
        """An object."""
        self.client().put_object(bucket, key, io.BytesIO(b"x"), 1)

    def account(self, access: str, secret: str) -> None:
        """An account that may do nothing yet."""
        admin = [str(self.program), "admin", "--access", ACCESS, "--secret", SECRET, "--endpoint-url", self.endpoint]
        created = [*admin, "create-user", "--access", access, "--secret", secret, "--role", "user"]
        subprocess.run(created, check=True, capture_output=True, timeout=_DEADLINE)


@contextmanager
def running(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server that ends with the context; its objects are files below `folder`."""
    program = gotools.built(gotools.VERSITYGW, Progress())
    for name in ("data", "meta", "accounts"):
        (folder / name).mkdir(parents=True)
    server = S3Server(_free_port(host), program, folder, host)
    kept = ["--iam-dir", str(folder / "accounts"), "--access-log", str(folder / "requests")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), *kept, *server.arguments(str(folder))],
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"]},
        )
        try:
            _wait(process, host, server.port)
            yield server
        finally:
            process.terminate()
            process.wait(_DEADLINE)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listening:
        return int(listening.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end:
        assert process.poll() is None, "the S3 server ended"
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    raise AssertionError("the S3 server does not listen")
