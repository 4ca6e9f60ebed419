"""A Git server over ssh on loopback: an SSH server that runs git-upload-pack and git-receive-pack."""

import asyncio
import contextlib
import shlex
import subprocess
import threading
from pathlib import Path

import asyncssh


class SshServer:
    """Serves every bare repository below a directory as ssh://git@localhost:<port>/<name>, to one key."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.commands: list[str] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def private_key(self) -> str:
        return self.key.export_private_key("openssh").decode()

    @property
    def known_hosts(self) -> str:
        """The server's line for a file of known hosts."""
        return f"[localhost]:{self.port} {self._host_key.export_public_key('openssh').decode()}"

    def url(self, name: str) -> str:
        return f"ssh://git@localhost:{self.port}/{name}"

    def __enter__(self) -> "SshServer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _listen(self) -> None:
        allowed = asyncssh.import_authorized_keys(self.key.export_public_key("openssh").decode())
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._host_key],
            authorized_client_keys=allowed,
            process_factory=self._serve,
            encoding=None,
        )
        self.port = self._acceptor.get_port()

    async def _close(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()

    async def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.commands.append(process.command or "")
        program, place = shlex.split(process.command or "")
        assert program in ("git-upload-pack", "git-receive-pack")
        running = await asyncio.create_subprocess_exec(
            program,
            str(self._root / place.lstrip("/")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert running.stdin is not None and running.stdout is not None and running.stderr is not None
        sending = asyncio.create_task(_copy(process.stdin.read, running.stdin))
        await asyncio.gather(_copy(running.stdout.read, process.stdout), _copy(running.stderr.read, process.stderr))
        sending.cancel()
        process.exit(await running.wait())


async def _copy(read, to) -> None:  # type: ignore[no-untyped-def]
    """Everything one side says, to the other, and its end."""
    with contextlib.suppress(ConnectionError):
        while chunk := await read(65536):
            to.write(chunk)
            await to.drain()
        to.write_eof()
