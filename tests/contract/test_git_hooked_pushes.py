"""Servers that decide about a whole push by a hook, as Gitea and GitLab do for protected branches."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_https import GitServer
from git_repositories import Repository, run_git

from gitsync.git import access, mirrors, pushes
from gitsync.model.records import Phase, Record
from operator_core.errors import Reason, Stalled

HOOK = """\
#!/bin/sh
while read -r old new ref; do
  case "$ref" in {protected}) printf '\\nForge: %s is protected from pushing commits to\\n' "$ref" >&2; exit 1;; esac
done
"""


@pytest.mark.parametrize(
    ("protected", "open_"),
    [("refs/heads/gitsync/*", "refs/notes/gitsync/demo"), ("refs/notes/*", "refs/heads/gitsync/status/demo")],
)
def test_a_protected_ref_does_not_take_the_other_along(tmp_path: Path, protected: str, open_: str) -> None:
    repository = Repository(tmp_path / "repository")
    sha = repository.commit({"a": "1"})
    hook = repository.bare / "hooks" / "pre-receive"
    hook.write_text(HOOK.format(protected=protected))
    hook.chmod(0o755)
    with GitServer(repository.bare.parent, tmp_path) as server:
        mirror = mirrors.Mirrors(tmp_path / "m").get(
            server.url("origin.git"), access.Credentials(ca_file=str(server.ca_file))
        )
        mirror.resolve("main")
        news = Record("demo", "orders", sha, Phase.STABLE, "Stable", "", datetime(2026, 1, 1, tzinfo=UTC), ())
        with pytest.raises(Stalled) as caught:
            pushes.write(mirror, "demo", [news], branch=True)
    assert caught.value.reason is Reason.PushForbidden
    assert "is protected from pushing commits to" in caught.value.message
    assert open_ not in caught.value.message
    written = run_git("for-each-ref", "--format=%(refname)", "refs/notes", "refs/heads/gitsync", at=repository.bare)
    assert written.split() == [open_]
