"""A mirror whose Git commands are counted."""

from pathlib import Path

from gitsync.git import access, mirrors
from gitsync.git.commands import Call, Commands, Output


class Counted(Commands):
    """Git, counting what is run."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.ran: list[str] = []

    def run(self, directory: Path | None, arguments: tuple[str, ...], call: Call | None = None) -> Output:
        self.ran.append(arguments[0])
        return super().run(directory, arguments, call)

    def since(self) -> list[str]:
        ran, self.ran = self.ran, []
        return ran


def mirror_of(url: str, tmp_path: Path, known: access.Credentials | None = None) -> tuple[mirrors.Mirror, Counted]:
    git = Counted(tmp_path / "home")
    return mirrors.Mirror(url, tmp_path, credentials=known, git=git), git
