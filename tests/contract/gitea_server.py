"""A Gitea that runs on loopback for a test: people, tokens and repositories of it, and clones to commit in."""

import contextlib
import os
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme
from gitea_builds import Program
from syncing import wait_for

from gitsync.sandbox import ports
from operator_core.jsonvalues import Json

OWNER, PASSWORD = "team", "correct-horse-battery"
_SETTINGS = """\
RUN_MODE = prod
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = https
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = https://localhost:{port}/
CERT_FILE = {folder}/cert.pem
KEY_FILE = {folder}/key.pem
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {files}
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = only-for-this-test
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[cron]
ENABLED = false
[actions]
ENABLED = false
[packages]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = Warn
"""


@dataclass(frozen=True)
class Gitea:
    """A running forge; `certificates` is the authority it is trusted by."""

    base: str
    certificates: Path

    def api(self, method: str, path: str, body: Json = None, *, token: str = "") -> Any:
        """What the API answers, asked by the owner or with a token. Raises httpx.HTTPStatusError for a refusal."""
        context = ssl.create_default_context(cafile=str(self.certificates))
        with httpx.Client(base_url=f"{self.base}/api/v1", verify=context, timeout=60.0) as client:
            auth = None if token else (OWNER, PASSWORD)
            headers = {"Authorization": f"token {token}"} if token else {}
            answer = client.request(method, path, json=body, auth=auth, headers=headers)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def token(self, name: str, *scopes: str, user: str = OWNER) -> str:
        """A new access token of a person."""
        context = ssl.create_default_context(cafile=str(self.certificates))
        body = {"name": name, "scopes": list(scopes)}
        with httpx.Client(base_url=f"{self.base}/api/v1", verify=context, timeout=60.0) as client:
            answer = client.post(f"/users/{user}/tokens", json=body, auth=(user, PASSWORD))
        answer.raise_for_status()
        return str(answer.json()["sha1"])

    def repository(self, name: str, directory: Path) -> "Clone":
        """A new private repository and a clone of it."""
        self.api("POST", "/user/repos", {"name": name, "private": True, "default_branch": "main"})
        return Clone(self, f"{OWNER}/{name}", directory / name)


class Clone:
    """A repository of the forge, with a clone that its owner commits in."""

    def __init__(self, forge: Gitea, path: str, directory: Path) -> None:
        self.forge, self.path = forge, path
        self.url = f"{forge.base}/{path}.git"
        self._work = directory
        directory.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "dev@example.org")
        self.git("config", "user.name", "Dev")
        token = forge.token(f"clone-{path.replace('/', '-')}", "all")
        self.git("remote", "add", "origin", self.url.replace("https://", f"https://{OWNER}:{token}@"))

    def commit(self, message: str, files: dict[str, str]) -> str:
        """Write files, commit, push; the commit id."""
        for name, text in files.items():
            file = self._work / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """What a command of Git prints."""
        environment = os.environ | {"GIT_SSL_CAINFO": str(self.forge.certificates)}
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=self._work, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def api(self, method: str, path: str, body: Json = None) -> Any:
        """What the API answers about the repository."""
        return self.forge.api(method, f"/repos/{self.path}{path}", body)

    def statuses(self, sha: str) -> dict[str, str]:
        """The newest state of each context of a commit."""
        return {one["context"]: one["status"] for one in self.api("GET", f"/commits/{sha}/status")["statuses"] or []}


@contextlib.contextmanager
def running(program: Program, folder: Path) -> Iterator[Gitea]:
    """A forge with one person, until the block ends."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    port = free_port()
    (folder / "app.ini").write_text(_SETTINGS.format(folder=folder, port=port, files=program.files))
    command = [str(program.path), "--config", str(folder / "app.ini")]
    environment = os.environ | {"HOME": str(folder), "GITEA_WORK_DIR": str(folder)}
    _prepare(command, environment)
    forge = Gitea(f"https://localhost:{port}", folder / "ca.pem")
    with open(folder / "gitea.log", "wb") as log:
        process = subprocess.Popen([*command, "web"], env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for("Gitea", lambda: _answers(forge, process))
            yield forge
        finally:
            process.terminate()
            process.wait(60)


def free_port() -> int:
    """A port nobody listens on now."""
    with ports.listen_at(0) as taken:
        return int(taken.getsockname()[1])


def add_person(program: Program, folder: Path, name: str) -> None:
    """Somebody else who has an account."""
    _create([str(program.path), "--config", str(folder / "app.ini")], os.environ | {"HOME": str(folder)}, name)


def _prepare(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run([*command, "migrate"], env=environment, capture_output=True, check=True, timeout=300)
    _create(command, environment, OWNER, "--admin")


def _create(command: list[str], environment: dict[str, str], name: str, *more: str) -> None:
    person = ["--username", name, "--password", PASSWORD, "--email", f"{name}@example.org"]
    create = [*command, "admin", "user", "create", *person, "--must-change-password=false", *more]
    subprocess.run(create, env=environment, capture_output=True, check=True, timeout=300)


def _answers(forge: Gitea, process: subprocess.Popen[bytes]) -> bool | None:
    assert process.poll() is None, "Gitea ended"
    try:
        forge.api("GET", "/version")
    except httpx.HTTPError:
        return None
    return True
