"""FlinkStateSnapshots of the job `ticks`, made, awaited and deleted by hand, and where their files are."""

from __future__ import annotations

from pathlib import Path

from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests


def make(team: Team, name: str, **spec: object) -> None:
    """Create a snapshot of the job."""
    body: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": name},
        "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "ticks"}, **spec},
    }
    team.client.send(requests.create(requests.FLINK_STATE_SNAPSHOTS, team.jobs, body))


def read(team: Team, name: str) -> Object | None:
    """A snapshot."""
    try:
        return team.client.send(requests.get(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    except errors.NotFound:
        return None


def reaches(team: Team, name: str, state: str) -> Object:
    """Wait for a snapshot's state."""
    return team.until(
        lambda: found if (found := read(team, name)) and dig(found, "status", "state") == state else None,
        f"{name} {state}",
        90,
    )


def delete(team: Team, name: str) -> None:
    """Delete a snapshot and wait for its end."""
    team.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    team.until(lambda: read(team, name) is None or None, f"{name} gone", 90)


def folder(team: Team, path: str) -> Path:
    """A path of the job's volume as this test sees it."""
    return team.folder / "flink-data" / path.split("/flink-data/", 1)[1]
