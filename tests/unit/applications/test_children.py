"""The objects an app's Applications turn into, and which SyncApps that exist stay as they are."""

from test_applications import application
from test_applicationsets import body, look

from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderedObject
from gitsync.render import children

PARENT = AppName("gitsync-system", "root")


def rendered(*bodies: dict[str, object]) -> list[RenderedObject]:
    return [RenderedObject(one, "apps.yaml", number * 10 + 1) for number, one in enumerate(bodies)]


def live(name: str, owner: str | None = None) -> dict[str, object]:
    annotations = {"gitsync.io/application-set": owner} if owner else {}
    return {"kind": "SyncApp", "metadata": {"name": name, "annotations": annotations}}


def goes(found: children.Family, name: str, owner: str | None = None, *, allow_empty: bool = False) -> bool:
    return found.why_not_pruned(live(name, owner), allow_empty=allow_empty) == ("", False)


def test_other_objects_stay_and_applications_are_replaced_where_they_stand() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    found = children.family(rendered(config, application()), PARENT, look)
    assert [(one.body["kind"], one.line) for one in found.objects] == [("ConfigMap", 1), ("SyncApp", 11)]
    assert found.problems == ()


def test_a_refused_application_is_one_problem_with_its_place_and_leaves_its_child_alone() -> None:
    found = children.family(rendered(application(source__plugin={"name": "x"})), PARENT, look)
    assert found.objects == ()
    (problem,) = found.problems
    assert (problem.file, problem.line) == ("apps.yaml", 1)
    assert "spec.source.plugin" in problem.message
    assert not goes(found, "orders")
    assert goes(found, "payments")


def test_a_refused_set_leaves_all_its_children_alone() -> None:
    found = children.family(rendered(body({"clusters": {}}, "x")), PARENT, look)
    assert not goes(found, "one", owner="all")
    assert goes(found, "one", owner="other")
    assert goes(found, "one")


def test_policies_of_a_set_hold_for_its_children_only() -> None:
    given = body({"list": {"elements": [{}]}}, "x", syncPolicy={"applicationsSync": "create-only"})
    found = children.family(rendered(given), PARENT, look)
    assert "only creates" in found.why_not_updated(live("x", owner="all"))
    assert not goes(found, "gone", owner="all")
    assert found.why_not_updated(live("x")) == ""


def test_a_set_that_generates_nothing_deletes_nothing_unless_that_is_allowed() -> None:
    found = children.family(rendered(body({"list": {"elements": []}}, "x")), PARENT, look)
    assert found.problems == ()
    reason, person = found.why_not_pruned(live("one", "all"), allow_empty=False)
    assert "generates no app at all" in reason and "allowEmpty" in reason and person
    assert goes(found, "one", owner="all", allow_empty=True)
    assert goes(found, "one", owner="other")
    config = {"kind": "ConfigMap", "metadata": {"name": "one", "annotations": {"gitsync.io/application-set": "all"}}}
    assert found.why_not_pruned(config, allow_empty=False) == ("", False)


def test_apps_of_apps_must_not_form_a_circle() -> None:
    ancestors = (AppName("gitsync-system", "payments"), AppName("gitsync-system", "orders"))
    found = children.family(rendered(application()), AppName("gitsync-system", "team"), look, ancestors)
    assert found.objects == ()
    assert "orders → payments → team → orders" in found.problems[0].message
    assert not found.unreadable_apps, "the ancestor is not this app's to keep or to prune"


def test_the_cascade_finalizer_follows_argo_cds() -> None:
    given = application()
    given["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    (one,) = children.family(rendered(given), PARENT, look).objects
    assert one.body["metadata"]["finalizers"] == ["gitsync.io/cascade"]


def test_an_app_cannot_contain_itself_and_names_are_unique() -> None:
    own, other = application(), application()
    own["metadata"]["name"] = "root"
    found = children.family(rendered(own, other, other), PARENT, look)
    assert len(found.objects) == 1
    assert "cannot contain itself" in found.problems[0].message
    assert "is given already in apps.yaml:11" in found.problems[1].message
