"""The `gitsync` command: which commands exist and how an error reaches a person.

Commands are imported only when they are run, so that `gitsync --help` and `gitsync status` start
fast. This is the one place that turns errors into text and exit codes:

    0  fine        1  differences or findings        2  wrong usage        3  failed
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from operator_core import masking
from operator_core.errors import AgentError

FINE, FINDINGS, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("gitsync.cli.run:run", "Run the agent: make the cluster follow Git, and jobs follow their specs."),
    "status": ("gitsync.cli.status:status", "Show what each app and each Flink job is doing, and every error."),
    "plan": ("gitsync.cli.plan:plan", "Show what a revision would do to every object and every Flink job."),
    "diff": ("gitsync.cli.diff:diff", "Show where the cluster is not as Git wants it, and who changed it."),
    "sync": ("gitsync.cli.sync:sync", "Have an app synced now, and wait until it is."),
    "history": ("gitsync.cli.history:history", "Show the commits an app ran, and what each did to its jobs."),
    "logs": ("gitsync.cli.logs:logs", "Print the logs of a Flink job's JobManager or TaskManagers."),
    "rollback": ("gitsync.cli.rollback:rollback", "Go back to an earlier commit, with its state if asked for."),
    "restore": ("gitsync.cli.restore:restore", "Rebuild a lost cluster's jobs with the state known in Git."),
    "snapshot": ("gitsync.cli.snapshot:snapshot", "Take a savepoint or a checkpoint of a Flink job."),
    "suspend": ("gitsync.cli.suspend:suspend", "Leave an app as it is until it is resumed."),
    "approve": ("gitsync.cli.approve:approve", "Let a revision happen that waits for approval."),
    "resume": ("gitsync.cli.suspend:resume", "Let an app follow Git again."),
    "render": ("gitsync.cli.render:render", "Print the objects a directory or a commit describes."),
    "validate": ("gitsync.cli.validate:validate", "Check manifests before they are merged; needs no cluster."),
    "import": ("gitsync.cli.imports:imports", "Write live Flink resources as a repository that changes nothing."),
    "set": ("gitsync.cli.setting:setting", "Change a job's image, jar or arguments by a commit."),
    "install": ("gitsync.cli.install:install", "Install the custom resource definitions."),
    "completion": ("gitsync.cli.completion:completion", "Print the completion script of a shell."),
    "sandbox": ("gitsync.cli.sandbox:sandbox", "A real Kubernetes cluster on this machine, without containers."),
    "demo": ("gitsync.cli.demo:demo", "Show the whole way from a commit to an upgraded job on a sandbox."),
}
"""Command -> (module:attribute, the line `gitsync --help` shows)."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command behind a name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"gitsync {version('gitsync')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
def cli() -> None:
    """Make Apache Flink on Kubernetes follow Git: specs follow commits, jobs keep their state."""
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; errors become one message on standard error."""
    try:
        answer = cli.main(
            args=None if arguments is None else list(arguments), prog_name="gitsync", standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return USAGE
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        return _failed(error.format_message())
    except AgentError as error:
        return _failed(error.message)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away (`gitsync status | head`): not an error of ours.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - lives until the process ends
        return FINE
    except Exception as error:
        return _unforeseen(error)
    return answer if isinstance(answer, int) else FINE


def _failed(message: str) -> int:
    click.echo(f"gitsync: {masking.masked(message)}", err=True)
    return FAILED


def _unforeseen(error: Exception) -> int:
    if os.environ.get("GITSYNC_DEBUG"):
        traceback.print_exception(error)
    else:
        told = masking.masked(f"{type(error).__name__}: {error}")
        click.echo(
            f"gitsync: internal error ({told}); this is a defect of gitsync."
            " Run it again with GITSYNC_DEBUG=1 to see where it happened.",
            err=True,
        )
    return FAILED


def main() -> None:
    """The entry point of the `gitsync` command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
