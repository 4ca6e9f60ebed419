"""How a kubelet without a network gets a Flink release fetched by someone who has one.

The kubelet leaves a file `DIR/images/wanted/RELEASE`; the sandbox's outer part looks there and runs this module as a
program for it, which assembles the release into the cache and removes the file, or writes into it why it could not.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gitsync.sandbox import errors, toolchains
from gitsync.sandbox.images import classarchives, flinkhome
from gitsync.sandbox.progress import Progress


def folder(dir: Path) -> Path:
    """Where wishes lie."""
    return dir / "images" / "wanted"


def ask(dir: Path, release: str) -> str:
    """Wish for a release; what to tell whoever waits for it. A refusal is told once, then wished against again."""
    wish = folder(dir) / release
    try:
        answer = wish.read_text(encoding="utf-8")
    except FileNotFoundError:
        answer = ""
        wish.parent.mkdir(parents=True, exist_ok=True)
        wish.touch()
    if answer:
        wish.unlink(missing_ok=True)
    return answer or f"Flink {release} is being fetched into the cache (about 300 MB)"


def wishes(dir: Path) -> list[str]:
    """The releases that are wished for and not answered yet."""
    where = folder(dir)
    return sorted(wish.name for wish in where.iterdir() if wish.stat().st_size == 0) if where.is_dir() else []


def fulfil(dir: Path, release: str, progress: Progress) -> None:
    """Fetch one release; its wish ends, or says what went wrong. Never raises SandboxError."""
    wish = folder(dir) / release
    try:
        java = toolchains.find_java(progress)
        home = flinkhome.assemble(release, progress)
    except errors.SandboxError as error:
        wish.write_text(f"Flink {release} cannot be fetched: {error}", encoding="utf-8")
    else:
        wish.unlink(missing_ok=True)
        classarchives.make(release, home, java, progress)


def main() -> None:
    """`python -m gitsync.sandbox.images.pulling DIR RELEASE`."""
    fulfil(Path(sys.argv[1]), sys.argv[2], Progress())


if __name__ == "__main__":
    main()
