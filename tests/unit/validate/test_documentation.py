"""docs/validate.md names the rules and options there are, and its snippets are sound."""

import re
import shlex
from pathlib import Path

from gitsync.cli.validate import validate
from gitsync.manifests import yamlgo
from gitsync.validate.findings import RULES

TEXT = (Path(__file__).parents[3] / "docs" / "validate.md").read_text()


def test_every_rule_is_in_the_table_and_no_other() -> None:
    table = TEXT[TEXT.index("| rule | finds |") : TEXT.index("`error`: it would be refused")]
    named = [
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`([a-z-]+)`", row.split("|")[1] if "|" in row else "")
    ]
    assert sorted(named) == sorted(RULES)


def test_snippets_are_yaml_and_use_options_that_exist() -> None:
    snippets = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert len(snippets) == 3
    options = {option for parameter in validate.params for option in parameter.opts}
    for snippet in snippets:
        assert isinstance(yamlgo.load_all(snippet)[0].value, dict)
        for command in re.findall(r"gitsync validate[^\n|>]*", snippet):
            given = [word for word in shlex.split(command) if word.startswith("--")]
            assert set(given) <= options, command
