import base64
import json
from pathlib import Path

import pytest

from gitsync.sandbox import access, components, destinations, errors, forwarding, layout, namespaces, statuses
from gitsync.sandbox.forwarding import Target
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.states import State

HERE = Layout(Path("/sandboxes/one"))


def refusal(
    words: str = "Operation not permitted", root: bool = False, container: bool = False, **switches: str
) -> namespaces.Refusal:
    return namespaces.Refusal(
        words, {name.replace("__", "/"): value for name, value in switches.items()}, root, container
    )


@pytest.mark.parametrize(
    ("refused", "advice"),
    [
        (refusal(kernel__apparmor_restrict_unprivileged_userns="1"), "kernel.apparmor_restrict_unprivileged_userns=0"),
        (refusal(kernel__unprivileged_userns_clone="0"), "kernel.unprivileged_userns_clone=1"),
        (refusal(user__max_user_namespaces="0"), "user.max_user_namespaces=10000"),
        (refusal(user__max_net_namespaces="0"), "user.max_net_namespaces=10000"),
        (refusal("RTNETLINK answers: Operation not supported"), "modprobe -a veth bridge"),
        (refusal("Error: Unknown device type."), "modprobe -a veth bridge"),
        (refusal(container=True), "--cap-add SYS_ADMIN"),
        (refusal(root=True), "root lacks CAP_SYS_ADMIN"),
        (refusal(kernel__apparmor_restrict_unprivileged_userns="0"), "run the sandbox as root"),
    ],
)
def test_refused_namespaces_come_with_a_remedy(refused: namespaces.Refusal, advice: str) -> None:
    sentence = namespaces.remedy(refused)
    assert advice in sentence
    assert refused.words in sentence
    assert "\n" not in sentence


def test_ordinary_users_get_a_user_namespace_and_enter_it() -> None:
    assert "--user" in namespaces.unshare_command(True)
    assert "--user" not in namespaces.unshare_command(False)
    assert "--kill-child" in namespaces.unshare_command(False)
    entered = namespaces.enter_command(State(user_namespace=True, pids={"child": 42}))
    assert entered[:3] == ["nsenter", "--target", "42"]
    assert "--preserve-credentials" in entered
    assert "--user" not in namespaces.enter_command(State(pids={"child": 42}))


def test_api_server_runs_with_rbac_and_default_admission() -> None:
    component = components.api_server(HERE)
    assert component.argv[0] == "/sandboxes/one/bin/kube-apiserver"
    assert "--authorization-mode=Node,RBAC" in component.argv
    assert not [flag for flag in component.argv if "admission" in flag]
    assert component.outside
    assert not components.etcd(HERE).outside


def test_certificate_names_cover_outside_pods_and_processes_inside() -> None:
    command = components.certificates_command(HERE)
    names = next(flag for flag in command if flag.startswith("--dns=")).removeprefix("--dns=").split(",")
    assert {"localhost", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"} <= set(names)
    assert {"10.244.0.1", "10.96.0.1"} <= set(components.SERVER_ADDRESSES)


def test_kubeconfig_embeds_what_it_needs() -> None:
    document = json.loads(components.kubeconfig("https://localhost:1", "PEM", "secret"))
    cluster, user = document["clusters"][0], document["users"][0]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert user["user"] == {"token": "secret"}
    assert document["contexts"][0]["name"] == document["current-context"]
    assert document["contexts"][0]["context"]["cluster"] == cluster["name"]


def test_logs_have_the_names_people_look_for() -> None:
    names = [
        HERE.log(part).name for part in (layout.ETCD, layout.API_SERVER, layout.CONTROLLER_MANAGER, layout.KUBELET)
    ]
    assert names == ["etcd.log", "apiserver.log", "controller-manager.log", "kubelet.log"]


@pytest.mark.parametrize(
    ("target", "mapping", "expected"),
    [
        ("svc/web", "8081", Target("service", "jobs", "web", "8081", 8081)),
        ("svc/web", "9000:8081", Target("service", "jobs", "web", "8081", 9000)),
        ("deploy/web", ":8081", Target("deployment", "jobs", "web", "8081", 0)),
        ("pod/web-0", "rest", Target("pod", "jobs", "web-0", "rest", 0)),
        ("web-0", "1:rest", Target("pod", "jobs", "web-0", "rest", 1)),
    ],
)
def test_forward_arguments(target: str, mapping: str, expected: Target) -> None:
    assert forwarding.parse(target, mapping, "jobs") == expected


@pytest.mark.parametrize(
    ("target", "mapping"),
    [
        ("node/x", "1"),
        ("svc/", "1"),
        ("svc/A_b", "1"),
        ("svc/a", "0"),
        ("svc/a", "70000"),
        ("svc/a", "x:1"),
        ("svc/a", ""),
    ],
)
def test_wrong_forward_arguments_are_named(target: str, mapping: str) -> None:
    with pytest.raises(errors.SandboxError, match=r"is no (svc/NAME|\[LOCAL:\]REMOTE)"):
        forwarding.parse(target, mapping, "jobs")


def pod(name: str, *, ready: bool = True, ip: str | None = "10.244.0.7", deleted: bool = False) -> dict[str, object]:
    metadata = {"name": name, "namespace": "jobs"} | ({"deletionTimestamp": "x"} if deleted else {})
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": "Running", "conditions": conditions} | ({"podIP": ip} if ip else {})
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "c", "ports": [{"name": "rest", "containerPort": 8081}]}]},
        "status": status,
    }


def test_pod_destination_by_number_and_by_name() -> None:
    assert destinations.pod_destination(pod("a"), "6123") == ("10.244.0.7", 6123)
    assert destinations.pod_destination(pod("a"), "rest") == ("10.244.0.7", 8081)
    with pytest.raises(destinations.NoDestination, match="no port named nope"):
        destinations.pod_destination(pod("a"), "nope")
    with pytest.raises(destinations.NoDestination, match="no address yet"):
        destinations.pod_destination(pod("a", ip=None), "rest")


def test_first_ready_pod_skips_the_leaving_and_the_unready() -> None:
    pods = [pod("old", deleted=True), pod("young", ready=False), pod("good")]
    assert destinations.first_ready(pods)["metadata"]["name"] == "good"
    with pytest.raises(destinations.NoDestination, match="no ready pod"):
        destinations.first_ready(pods[:2])


def test_service_port_by_number_or_name() -> None:
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"name": "rest", "port": 8081}, {"port": 6123}]}}
    assert destinations.service_port(service, "rest")["port"] == 8081
    assert destinations.service_port(service, "6123")["port"] == 6123
    with pytest.raises(destinations.NoDestination, match=r"no port 1 \(it has 8081 rest, 6123\)"):
        destinations.service_port(service, "1")


def test_lease_time_and_node_readiness() -> None:
    assert access.renewed_at({"spec": {"renewTime": "1970-01-01T00:01:00.500000Z"}}) == 60.5
    assert access.renewed_at({"spec": {}}) == 0.0
    node = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert not access.is_node_ready(node)
    assert not access.is_node_ready({})


def test_status_lines_tell_state_pods_and_restarts() -> None:
    document = {
        "state": "running",
        "dir": "/d",
        "message": "",
        "version": "v1.36.3",
        "ports": {"api": 20001},
        "kubeconfig": "/d/kubeconfig",
        "kubelet": True,
        "isolation": "none",
        "limits": ["names: few"],
        "restarts": {"etcd": 2},
        "pods": [access.pod_summary(pod("a", ready=False)), access.pod_summary(pod("longer"))],
    }
    text = statuses.render(document)
    assert "https://localhost:20001" in text
    assert "isolation   none\n            names: few" in text
    assert "restarts    etcd 2" in text
    assert "  jobs/a       Running    not ready\n  jobs/longer  Running    ready" in text


def test_a_sandbox_lacks_the_parts_that_do_not_live() -> None:
    control_plane = ["supervisor", "etcd", "kube-apiserver", "kube-controller-manager"]
    assert statuses.missing_parts(False, control_plane) == []
    assert statuses.missing_parts(True, control_plane) == ["kubelet"]
    assert statuses.missing_parts(False, control_plane[:2]) == ["kube-apiserver", "kube-controller-manager"]


def test_status_of_a_folder_without_sandbox(tmp_path: Path) -> None:
    document = statuses.status(Layout(tmp_path))
    assert document["state"] == "stopped"
    assert document["pods"] == []
    assert document["kubeconfig"] == str(tmp_path / "kubeconfig")
