"""What Chart.lock says of a chart's dependencies, and when it says nothing; without Helm and without a network."""

import json
import re
from collections.abc import Callable

import pytest
import yaml
from test_charts import commit

from gitsync.charts import lockfiles
from gitsync.charts.lockfiles import Locked, Unusable
from gitsync.render import helmcharts, helmoptions
from gitsync.render.chartwalks import Packed
from gitsync.render.helmcharts import Chart
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object

WANTED: list[Object] = [
    {
        "name": "sub",
        "version": ">=1.0.0 <2 || 3",
        "repository": "file://../sub",
        "condition": "sub.enabled",
        "tags": ["a", "b&c"],
        "alias": "other",
        "import-values": ["data", {"parent": "y.é", "child": "x"}],
        "unknown": "to Helm",
    }
]
FOUND: list[Object] = [{"name": "sub", "repository": "file://../sub", "version": "1.2.3"}]
DIGEST = "sha256:a407a0d55de538aced542dc8cd5944eda229bca1abd43a16cdf1b21e40b3cdeb"
"""What helm 3 wrote for the dependencies above."""


def lock(found: list[Object], digest: str) -> str:
    return yaml.safe_dump({"dependencies": found, "digest": digest, "generated": "2026-01-01T00:00:00Z"})


def made(wanted: list[Object], found: list[Object]) -> str:
    return lock(found, f"sha256:{lockfiles.digest([wanted, found])}")


def test_the_digest_is_helms() -> None:
    assert lockfiles.read(lock(FOUND, DIGEST), WANTED) == (Locked("sub", "1.2.3", "file://../sub"),)


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        (lock(FOUND, DIGEST), [{**WANTED[0], "version": ">=2"}], "made for other dependencies"),
        (lock([{**FOUND[0], "version": "1.2.4"}], DIGEST), WANTED, "made for other dependencies"),
        (lock([], DIGEST), WANTED, "made for other dependencies"),
        (lock(FOUND, ""), WANTED, "made for other dependencies"),
        ("- a\n", WANTED, "holds no map"),
        ("", WANTED, "holds no map"),
        ("a: [", WANTED, "cannot be read"),
        (
            made([{"name": "a", "repository": "x"}], [{"name": "a", "version": "1.x", "repository": "x"}]),
            [{"name": "a", "repository": "x"}],
            r"its version '1\.x' of a is none",
        ),
    ],
)
def test_locks_that_say_nothing(text: str, wanted: list[Object], told: str) -> None:
    with pytest.raises(Unusable, match=told):
        lockfiles.read(text, wanted)


def test_the_lock_of_the_first_form_of_charts_may_have_helm_2_s_digest() -> None:
    wanted: list[Object] = [{"name": "a", "version": "1.x", "repository": "https://c"}]
    found: list[Object] = [{"name": "a", "version": "1.2.0", "repository": "https://c"}]
    text = lock(found, f"sha256:{lockfiles.digest({'dependencies': wanted})}")
    assert lockfiles.read(text, wanted, first_form=True) == (Locked("a", "1.2.0", "https://c"),)
    with pytest.raises(Unusable):
        lockfiles.read(text, wanted)


DEPENDENCY: Object = {"name": "common", "version": "^1", "repository": "https://c"}
IS_LOCKED: Object = {"name": "common", "version": "1.4.0", "repository": "https://c"}


def chart(files: dict[str, str], find: Callable[[Locked], Packed] | None) -> Chart:
    whole = {"web/Chart.yaml": json.dumps({"name": "web", "dependencies": [DEPENDENCY]}), **files}
    return helmcharts.needed(commit(whole), "web", helmoptions.parse(None, "app", "flink"), {}, find)


def found(locked: Locked) -> Packed:
    return Packed(locked.name, locked.repository, f"sha of {locked.version}", commit({"Chart.yaml": "name: common"}))


def test_a_locked_chart_becomes_an_archive_and_its_lock_an_input() -> None:
    one = chart({"web/Chart.lock": made([DEPENDENCY], [IS_LOCKED])}, found)
    assert one.errors == ()
    assert {place: packed.sha for place, packed in one.packed.items()} == {
        "web/charts/common-1.4.0.tgz": "sha of 1.4.0"
    }
    assert ("web/Chart.lock", "web/Chart.lock") in {(read.path, read.blob) for read in one.inputs}


def test_what_is_vendored_is_not_looked_for() -> None:
    files = {"web/Chart.lock": made([DEPENDENCY], [IS_LOCKED]), "web/charts/common/Chart.yaml": "name: common"}
    assert chart(files, found).packed == {}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, r"web/Chart\.yaml: the dependency common is not in charts/, and no lock says its version"),
        ({"web/charts/common-extra-1.0.0.tgz": "x"}, "no lock says its version"),
        ({"web/Chart.lock": lock([IS_LOCKED], DIGEST)}, r"web/Chart\.lock: it was made for other dependencies"),
    ],
)
def test_dependencies_that_cannot_be_had(files: dict[str, str], told: str) -> None:
    one = chart(files, found)
    assert one.packed == {}
    assert re.search(told, "\n".join(map(str, one.errors)))


@pytest.mark.parametrize("repository", ["@internal", "alias:internal", "", "s3://bucket/charts"])
def test_a_repository_only_one_machine_knows(repository: str) -> None:
    wanted = {**DEPENDENCY, "repository": repository}
    files = {
        "web/Chart.yaml": json.dumps({"name": "web", "dependencies": [wanted]}),
        "web/Chart.lock": made([wanted], [{**IS_LOCKED, "repository": repository}]),
    }
    assert "which is no https:// or oci:// address" in str(chart(files, found).errors[0])


def test_where_nothing_is_downloaded_and_where_it_fails() -> None:
    files = {"web/Chart.lock": made([DEPENDENCY], [IS_LOCKED])}
    assert "nothing is downloaded here" in str(chart(files, None).errors[0])

    def refuse(locked: Locked) -> Packed:
        raise Stalled(Reason.ProjectRefused, "the project says no")

    with pytest.raises(Stalled, match=r"web/Chart\.yaml: the dependency common: the project says no") as caught:
        chart(files, refuse)
    assert caught.value.reason is Reason.ProjectRefused
