"""How Git is run: one hardened command layer for everything the Git side does.

The only importer of GitPython, and of that only `git.Git(...).execute`. No configuration of the
system, of the user or of the environment reaches Git; no hook, no prompt, no background process;
of transports only the one a command is for; secrets travel in the environment of one process and
not in arguments; a command that takes too long is killed with all it started. Rules: git(1)
"Environment Variables", git-config(1).
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Without this, importing GitPython fails where git is missing, before anything can say so.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import git

from gitsync.git import identification, urls, waits
from gitsync.git.memoryfiles import MemoryFiles
from operator_core.errors import Reason, Retry, Stalled

LOCAL_TIMEOUT = 60.0
"""Seconds a command that only touches the mirror may take."""

_CONFIG = """\
# Written by gitsync; changes are lost.
[core]
	hooksPath = /dev/null
	fsmonitor = false
	askPass =
	alternateRefsCommand = true
[safe]
	directory = *
[protocol]
	allow = never
[credential]
	helper =
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	autogc = false
[fetch]
	unpackLimit = 1
	writeCommitGraph = false
	recurseSubmodules = false
[submodule]
	recurse = false
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 20
	followRedirects = initial
[pack]
	threads = 2
[advice]
	detachedHead = false
"""
_STEERING = ("GIT_", "SSH_ASKPASS", "XDG_CONFIG_HOME")


@dataclass(frozen=True, slots=True)
class Output:
    """How a command ended. `stderr` is text without credentials.

    `wait` is how many seconds a server that refused asks to be left alone; None where it does not say.
    """

    status: int
    stdout: bytes
    stderr: str
    wait: float | None = None


class TimedOut(Exception):
    """A command was killed because its time was over."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a command needs beside its arguments.

    `remote` opens its transport and sends its credentials; `keep_open` is a file descriptor that
    stays open as long as any process of the command lives.
    """

    stdin: bytes | None = None
    timeout: float = LOCAL_TIMEOUT
    remote: urls.Remote | None = None
    keep_open: int | None = None
    config: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Commands:
    """Git, run the same way everywhere. `home` is a directory of the agent's for Git's settings."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._config = home / "gitconfig"
        draft = home / f".gitconfig.{os.getpid()}"
        draft.write_text(_CONFIG)
        draft.replace(self._config)

    def run(self, directory: Path | None, arguments: tuple[str, ...], call: Call | None = None) -> Output:
        """Run `git ARGUMENTS` in `directory`; a status other than 0 is for the caller to judge.

        Raises TimedOut, and Stalled(GitMissing) where there is no git.
        """
        call = call or Call()
        place = ("--git-dir", str(directory)) if directory is not None else ()
        with MemoryFiles() as files:
            environment = self._environment(call, files)
            trace = ""
            if call.remote is not None and call.remote.protocol in ("https", "http"):
                trace = files.add("trace", "")
                environment |= {"GIT_TRACE_CURL": trace, "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}
            process = self._start(["git", *place, *arguments], call, environment)
            try:
                stdout, stderr = process.communicate(call.stdin, timeout=call.timeout)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                raise TimedOut(f"git {arguments[0]} took longer than {call.timeout:g} seconds") from error
            except BaseException:
                _kill(process)
                raise
            wait = waits.asked_for(files.read(trace)) if trace and process.returncode else None
        told = urls.without_credentials(stderr.decode("utf-8", "replace"))
        return Output(process.returncode, stdout, told, wait)

    def _start(self, command: list[str], call: Call, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        try:
            running = git.Git(str(self._home)).execute(
                [*_without_steering(environment), *command],
                istream=subprocess.PIPE if call.stdin is not None else None,
                as_process=True,
                env=dict(environment),
                start_new_session=True,
                pass_fds=() if call.keep_open is None else (call.keep_open,),
            )
        except git.exc.GitCommandNotFound as error:
            raise Stalled(Reason.GitMissing, "the program 'git' is not installed or not on PATH: install it") from error
        except OSError as error:
            raise Retry(Reason.InternalError, f"cannot start git: {error.strerror}") from error
        process = running.proc
        assert process is not None  # execute() returns the wrapper only around a started process
        # From here on this module alone ends the process; GitPython's wrapper must not touch it.
        running.proc = None
        return process

    def _environment(self, call: Call, files: MemoryFiles) -> dict[str, str]:
        settings = list(call.config)
        environment = {
            "HOME": str(self._home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_GLOBAL": str(self._config),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": call.remote.protocol if call.remote is not None else "none",
            **call.environment,
        }
        if call.remote is not None:
            if call.remote.protocol == "ssh" and shutil.which("ssh") is None:
                raise Stalled(Reason.GitMissing, "the program 'ssh' is not installed or not on PATH: install it")
            more, secrets = identification.of(call.remote, files)
            settings += more
            environment.update(secrets)
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (name, value) in enumerate(settings):
            environment[f"GIT_CONFIG_KEY_{number}"] = name
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment


def _without_steering(wanted: Mapping[str, str]) -> list[str]:
    """A prefix that takes variables away which GitPython would pass on, and which could steer Git."""
    names = [name for name in os.environ if name.startswith(_STEERING) and name not in wanted]
    return ["env", *(part for name in names for part in ("-u", name))] if names else []


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process and everything it started (it leads its own session)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
