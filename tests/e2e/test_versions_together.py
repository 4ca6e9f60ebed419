"""Three jobs of two Flink versions run at once from one repository, each with its own configuration format (F05)."""

from __future__ import annotations

import yaml
from teams import Team

from operator_core.jsonvalues import Object

JOBS = {"one": "v1_20", "two": "v1_20", "three": "v2_3"}


def test_three_jobs_of_two_versions(team: Team) -> None:
    files = {f"apps/{name}.yaml": team.job_file(name, version=version) for name, version in JOBS.items()}
    sha = team.repository.commit("Run three", {"apps/access.yaml": team.access_file(), **files})
    with team.agent():
        running = {name: team.running(name) for name in JOBS}
        team.ready(sha)
        totals = {name: team.state(name).total for name in JOBS}
        versions = {name: team.flink(name).get("/config")["flink-version"] for name in JOBS}
        assert [version.rpartition(".")[0] for version in versions.values()] == ["1.20", "1.20", "2.3"]

        def widen(text: str) -> str:
            manifest: Object = yaml.safe_load(text)
            manifest["spec"]["job"]["parallelism"] = 2
            return yaml.safe_dump(manifest, sort_keys=False)

        upgraded = team.repository.edit("Widen the newest", "apps/three.yaml", widen)
        team.running("three", parallelism=2, other_than=running["three"].id)
        after = team.state("three")
        assert totals["three"] <= after.restored < after.total and after.gaps == 0
        team.ready(upgraded)
        for name in ("one", "two"):
            job = team.flink(name).job()
            assert job is not None and job.id == running[name].id, f"{name} was disturbed"
            assert team.state(name, above=totals[name]).gaps == 0
