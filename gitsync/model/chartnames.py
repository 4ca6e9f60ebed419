"""How a chart is named where a Git repository could be: one text, which no Git URL is.

Pure. `chart:URL#NAME`; what the URL may be is decided in `charts.places`.
"""

_START = "chart:"
_LOCKED = "locked:"


def text_of(repo_url: str, chart: str) -> str:
    """The text a chart is followed by."""
    return f"{_START}{repo_url}#{chart}"


def is_chart(url: str) -> bool:
    """Whether a text names a chart and no Git repository."""
    return url.startswith(_START)


def split(url: str) -> tuple[str, str]:
    """The URL of the repository, by which projects and credentials go, and the chart's name."""
    repository, _, name = url.removeprefix(_START).rpartition("#")
    return repository, name


def locked(version: str) -> str:
    """The name of a version that a lock file gives: looked up once and the same from then on."""
    return f"{_LOCKED}{version}"


def locked_version(ref: str) -> str | None:
    """The version of a name that `locked` made; None for any other name."""
    return ref.removeprefix(_LOCKED) if ref.startswith(_LOCKED) else None
