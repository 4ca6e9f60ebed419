"""Status writes and conflicts: retried only when nothing moved that the pass relied on."""

import pytest
from protocol_apiserver import ApiServer, LaggingCache

from operator_core.conf import defaults as layers
from operator_core.controllers import passes, publish
from operator_core.controllers.world import World
from operator_core.kube import errors


class Setting:
    """One resource, one pass over it, somebody else's edit in between."""

    def __init__(self) -> None:
        self.server = ApiServer(lambda: "2026-01-01T00:00:00Z")
        self.server.born(
            "flinkdeployments",
            {
                "apiVersion": "flink.apache.org/v1beta1",
                "kind": "FlinkDeployment",
                "metadata": {"name": "app"},
                "spec": {"job": {"parallelism": 1}},
            },
        )
        self.cache = LaggingCache(self.server, "flinkdeployments")
        self.cache.catch_up()
        self.world = World(
            api=self.server,
            resources=self.cache,
            deployments=self.cache,
            pods=lambda namespace, name: (),
            flink=None,
            events=None,
            clock=None,
            new_id=lambda: "",
            defaults=layers.NONE,
            reach=lambda name: None,
        )
        self.run = passes.begin(self.world, self.cache.get("ns", "app"))
        self.run.status = self.run.status.model_copy(update={"error": "mine"})

    def other(self, change) -> None:
        """Somebody else writes first."""
        obj = self.server.get("flinkdeployments", "app")
        change(obj)
        self.server.put("flinkdeployments", obj)

    @property
    def stored(self):
        """What the API server has."""
        return self.server.get("flinkdeployments", "app")


def test_an_unchanged_status_is_not_written() -> None:
    """Not even when the API server has none at all."""
    setting = Setting()
    setting.run.status = setting.run.known
    version = setting.stored["metadata"]["resourceVersion"]
    assert not publish.status(setting.world, setting.run)
    assert setting.stored["metadata"]["resourceVersion"] == version


def test_a_label_that_moved_does_not_cost_the_pass() -> None:
    """Read again, same status, same generation: write again."""
    setting = Setting()
    setting.other(lambda obj: obj["metadata"].update(labels={"a": "b"}))
    assert publish.status(setting.world, setting.run)
    assert setting.stored["status"]["error"] == "mine"
    assert not publish.status(setting.world, setting.run)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda obj: obj["metadata"].update(generation=2), id="a newer spec"),
        pytest.param(lambda obj: obj["metadata"].update(uid="other"), id="another object of the name"),
        pytest.param(lambda obj: obj.update(status={"error": "theirs"}), id="another writer of the status"),
        pytest.param(lambda obj: obj["metadata"].update(deletionTimestamp="x"), id="a deletion"),
    ],
)
def test_anything_the_pass_relied_on_ends_it(change) -> None:
    """The next pass decides on what is there then; nothing of ours is written."""
    setting = Setting()
    setting.other(change)
    with pytest.raises(errors.Conflict):
        publish.status(setting.world, setting.run)
    assert (setting.stored.get("status") or {}).get("error") != "mine"
