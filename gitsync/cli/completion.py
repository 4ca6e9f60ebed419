"""`gitsync completion`: what a shell needs to complete commands, options and names of apps and jobs."""

import click

_HOW = """\
Print the completion script of SHELL.

\b
  bash   source <(gitsync completion bash)                        in ~/.bashrc
  zsh    source <(gitsync completion zsh)                         in ~/.zshrc, after compinit
  fish   gitsync completion fish > ~/.config/fish/completions/gitsync.fish
"""


@click.command(help=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script."""
    from click.shell_completion import get_completion_class

    from gitsync.cli import main

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(main.cli, {}, "gitsync", "_GITSYNC_COMPLETE")
    click.echo(script.source_template % script.source_vars())
