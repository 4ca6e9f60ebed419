"""`gitsync demo`: the whole way from a commit to an upgraded job, on a sandbox of its own.

Only options, texts and exit codes; the story itself is `gitsync.sandbox.demo.stages`. With `-o json` standard output
holds the one JSON object and nothing else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the results.")
@click.option("--keep", is_flag=True, help="Leave everything up, and say how to look at it.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of the demo (default: one in the user's cache).",
)
def demo(output: str, keep: bool, folder: Path | None) -> None:
    """Run a Flink job from a commit, upgrade it with its state by the next one, and measure it."""
    import logging

    from gitsync.sandbox.demo import places, stages, tables
    from gitsync.sandbox.progress import Progress

    # Watches that break because the sandbox ends are no news.
    logging.getLogger("operator_core").addHandler(logging.NullHandler())
    place = places.Place((folder or places.default_dir()).resolve())
    progress = Progress()
    as_text = output == "text"

    def say(text: str) -> None:
        click.echo("\n".join(f"    {line}".rstrip() for line in text.splitlines()), err=not as_text)

    with places.interruptible():
        try:
            results = stages.run(place, progress, say, keep=keep)
        except stages.StageFailed as failure:
            click.echo(f"gitsync demo failed at: {failure}", err=True)
            click.echo(f"read {failure.log}", err=True)
            sys.exit(3)
    click.echo(
        tables.as_table(results) if as_text else json.dumps(tables.as_json(results), indent=2, ensure_ascii=False)
    )
    if keep:
        click.echo(_directions(place.layout.dir, place.git), err=not as_text)


def _directions(sandbox: Path, git: Path) -> str:
    return "\n".join(
        (
            "",
            "Everything is still up:",
            f"    export KUBECONFIG={sandbox}/kubeconfig",
            "    gitsync status",
            f"    gitsync sandbox kubectl --dir {sandbox} get flinkdeployments,pods -A",
            f"    gitsync sandbox forward --dir {sandbox} -n jobs svc/ticks-rest 8081     # Flink's own pages",
            f"    cd {git}/work-tree     # commit here and `git push origin HEAD:main`",
            f"    gitsync sandbox reset --dir {sandbox}     # ends it",
        )
    )
