"""Go templates come out as Go's own text/template with Sprig prints them."""

import json
from pathlib import Path

import pytest

from gitsync.render import gotemplates
from gitsync.render.gotemplatefunctions import TemplateError

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "go-templates.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["template"][:60])
def test_a_template_gives_what_go_gives(case: dict[str, str]) -> None:
    if "fails" in case:
        with pytest.raises(TemplateError):
            gotemplates.render(case["template"], GOLDEN["data"])
    else:
        assert gotemplates.render(case["template"], GOLDEN["data"]) == case["output"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ .nope }}", "there is no entry 'nope'; known are a"),
        ("{{ env `HOME` }}", "the template function 'env' is not supported"),
        ("{{ regexMatch `(a+)+$` .a }}", "the template function 'regexMatch' is not supported"),
        ("{{ now }}", "the template function 'now' is not supported"),
        ("{{ define `x` }}{{ end }}", "{{define}} is not supported"),
        ("{{ if .a }}", "{{if}} has no {{end}}"),
        ("{{ .a ", "an action '{{' is not closed"),
        ("{{ $x }}", "the variable $x is not defined"),
        ("{{ range 90000 }}{{ range 90000 }}x{{ end }}{{ end }}", "the template takes more than 100000 steps"),
    ],
)
def test_what_is_not_understood_is_named(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        gotemplates.render(template, {"a": "x"})
    assert str(caught.value) == message


def test_a_missing_key_is_no_value_where_that_is_asked_for() -> None:
    assert gotemplates.render("{{ .nope }}", {}, missing_is_error=False) == "<no value>"
