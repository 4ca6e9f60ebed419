"""Go templates come out as Go's own text/template with Sprig prints them."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.render import gotemplates
from gitsync.render.gotemplatevalues import TemplateError

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


@pytest.mark.parametrize(
    "template",
    [
        "{{" + " " * 300_000,
        "{{ `" + "`" * 100_001,
        "{{-" * 100_000,
        "{{ printf `%999999999d` 1 }}",
        "{{ indent 999999999 `x` }}",
        "{{ $l := list 1 2 }}" + "{{ $l = list $l $l }}" * 60 + "{{ $l }}",
        "{{ range 90000 }}" + "x" * 10_000 + "{{ end }}",
        "{{ $t := `xxxxxxxxxx` }}" + "{{ $t = print $t $t }}" * 60,
    ],
    ids=["spaces", "quotes", "trims", "printf", "indent", "lists", "range", "texts"],
)
def test_hostile_templates_end_soon_and_small(template: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateError):
        gotemplates.render(template, {})
    assert time.process_time() - started < 5


MARKS = ["{{", "}}", "{{-", "-}}", " ", "|", "(", ")", ":=", "/*", "*/", "\n", "."]
WORDS = [
    "if",
    "end",
    "else",
    "range",
    "with",
    ".a",
    "$x",
    '"t"',
    "`r`",
    "1",
    "index",
    "printf",
    "eq",
    "list",
    "nil",
    "true",
]


@given(st.lists(st.sampled_from(MARKS + WORDS), max_size=20))
def test_any_text_is_rendered_or_refused(words: list[str]) -> None:
    try:
        gotemplates.render("".join(words), {"a": {"b": [1, "x"]}})
    except TemplateError as error:
        assert str(error)


def test_a_missing_key_is_no_value_where_that_is_asked_for() -> None:
    assert gotemplates.render("{{ .nope }}", {}, missing_is_error=False) == "<no value>"
