"""What Helm says of a chart that it cannot render, as a place and one message."""

import pytest

from gitsync.render import helm


@pytest.mark.parametrize(
    ("stderr", "file", "line", "column"),
    [
        (
            'Error: template: web/templates/a.yaml:7:16: executing "web/templates/a.yaml" at <.Values.x>: nil\n\n'
            "Use --debug flag to render out invalid YAML\n",
            "charts/web/templates/a.yaml",
            0,
            0,
        ),
        ("Error: parse error at (web/templates/a.yaml:3): unclosed action", "charts/web/templates/a.yaml", 3, 0),
        ("Error: values don't meet the specifications of the schema(s)", "charts/web/Chart.yaml", 0, 0),
    ],
)
def test_helms_words_lead_to_the_template(stderr: str, file: str, line: int, column: int) -> None:
    found = helm.explained("helm failed", stderr, "charts/web")
    assert found.file == file
    if line:
        assert (found.line, found.column) == (line, column)
    assert "--debug" not in found.message


@pytest.mark.parametrize("begin", ["Error: ", "ng include: "])
def test_a_template_that_includes_itself_is_told_once(begin: str) -> None:
    level = 'template: web/templates/a.yaml:6:19: executing "x" at <include "x" .>: error calling include: '
    end = "rendering template has a nested reference name: x: unable to execute template"
    found = helm.explained("helm failed", f"{begin}{level * 200}{end}\n", "charts/web")
    assert (found.file, found.line, found.message) == ("charts/web/templates/a.yaml", 6, level + end)
