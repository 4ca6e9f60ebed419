"""A lease in real pods: the container that is started again takes over at once what its former run held."""

from kubeletnode import Node, container_status, python

from operator_core.kube import errors, requests
from operator_core.kube.requests import Resource

ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
HOLD = """
import os, time
from operator_core.kube.client import Client
from operator_core.kube.leases import Lease
from operator_core.runtime.clock import SystemClock
began = time.monotonic()
lease = Lease(Client.connect(), SystemClock(), "default", os.environ["LEASE"])
lease.start()
assert lease.wait_held(60)
print(f"{time.monotonic() - began:.1f}", flush=True)
if not os.path.exists("/data/again"):
    open("/data/again", "w").close()
    os._exit(137)
time.sleep(600)
"""


def _may_hold_leases(node: Node) -> None:
    rules = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}]
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    role = {"metadata": {"name": "leases"}, "rules": rules}
    binding = {
        "metadata": {"name": "leases"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leases"},
        "subjects": [subject],
    }
    for resource, body in ((ROLES, role), (BINDINGS, binding)):
        try:
            node.client.send(requests.create(resource, "default", body))
        except errors.AlreadyExists:
            continue


def _holder(node: Node, lease: str) -> str:
    return str(node.client.send(requests.get(requests.LEASES, "default", lease))["spec"]["holderIdentity"])


def test_a_restarted_container_does_not_wait_for_its_own_lease(node: Node) -> None:
    _may_hold_leases(node)
    data = {"name": "d", "emptyDir": {}}
    env = [{"name": "LEASE", "value": "restarted"}]
    name = node.run(python(HOLD, env=env, volumeMounts=[{"name": "d", "mountPath": "/data"}]), volumes=[data])
    node.await_pod(name, lambda p: container_status(p).get("restartCount") == 1, "it is started again")
    node.until(lambda: node.log(name).strip() != "", "it holds the lease again")
    assert float(node.log(name).splitlines()[-1]) < 5, "it took over from its former run, which did not release it"
    pod = node.pod(name) or {}
    assert _holder(node, "restarted").endswith(f".{pod['metadata']['uid']}.c")


def test_another_pod_waits_for_the_lease_of_one_that_may_still_run(node: Node) -> None:
    _may_hold_leases(node)
    env = [{"name": "LEASE", "value": "shared"}]
    once = HOLD.replace("time.sleep(600)", "").replace("os._exit(137)", "os._exit(0)")
    data = {"name": "d", "emptyDir": {}}
    mounts = [{"name": "d", "mountPath": "/data"}]
    first = node.run(python(once, env=env, volumeMounts=mounts), volumes=[data], restartPolicy="Never")
    node.ended(first)
    second = node.run(python(once, env=env, volumeMounts=mounts), volumes=[data], restartPolicy="Never")
    node.ended(second)
    assert float(node.log(second).splitlines()[-1]) > 5
    assert _holder(node, "shared").endswith(f".{(node.pod(second) or {})['metadata']['uid']}.c")
