"""Service rules, names and DNS messages, scheduling, probes' thresholds."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.sandbox.kubelet import dnsmessages, dnsnames, nodes, probes, servicerules
from gitsync.sandbox.kubelet.dnsmessages import Record
from gitsync.sandbox.kubelet.probes import Row
from gitsync.sandbox.kubelet.servicerules import Port


def service(name: str, ip: str = "10.96.0.9", namespace: str = "n", **port: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "web", "port": 80, **port}]},
    }


def endpoints(name: str, *addresses: str, port: int = 8080, ready: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "n", "labels": {servicerules.SERVICE_LABEL: name}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": port}],
        "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}, **more} for ip in addresses],
    }


def test_ready_endpoints_of_all_slices_answer_for_a_port() -> None:
    slices = [endpoints("s", "10.244.0.3"), endpoints("s", "10.244.0.2"), endpoints("s", "10.244.0.4", ready=False)]
    found = servicerules.ports_of([service("s")], [*slices, endpoints("other", "10.244.0.9")])
    assert found == (Port("10.96.0.9", "tcp", 80, (("10.244.0.2", 8080), ("10.244.0.3", 8080))),)


def test_headless_services_have_no_rules_and_node_ports_have_their_own() -> None:
    assert servicerules.ports_of([service("s", "None")], []) == ()
    found = servicerules.ports_of([service("s", nodePort=30000)], [])
    assert [(port.address, port.number) for port in found] == [("10.244.0.1", 30000), ("10.96.0.9", 80)]


def test_one_endpoint_several_endpoints_and_none() -> None:
    rules = servicerules.ruleset(
        (
            Port("10.96.0.1", "tcp", 443, (("10.244.0.1", 6443),)),
            Port("10.96.0.2", "tcp", 80, (("10.244.0.2", 1), ("10.244.0.3", 2))),
            Port("10.96.0.3", "tcp", 80, ()),
            Port("10.96.0.3", "udp", 53, ()),
        )
    )
    assert "ip daddr 10.96.0.1 tcp dport 443 dnat to 10.244.0.1:6443" in rules
    assert "dnat to numgen random mod 2 map { 0 : 10.244.0.2 . 1, 1 : 10.244.0.3 . 2 }" in rules
    assert "ip daddr 10.96.0.3 tcp dport 80 reject with tcp reset" in rules
    assert "ip daddr 10.96.0.3 udp dport 53 reject with icmp type port-unreachable" in rules


SERVICES = [
    service("s"),
    service("h", "None"),
    {"metadata": {"name": "x", "namespace": "n"}, "spec": {"externalName": "a.b"}},
]
SLICES = [
    endpoints("h", "10.244.0.2"),
    endpoints("h", "10.244.0.3", hostname="zero"),
    endpoints("h", "10.244.0.4", ready=False),
]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("s.n.svc.cluster.local", ["10.96.0.9"]),
        ("h.n.svc.cluster.local", ["10.244.0.2", "10.244.0.3"]),
        ("zero.h.n.svc.cluster.local", ["10.244.0.3"]),
        ("10-244-0-2.h.n.svc.cluster.local", ["10.244.0.2"]),
        ("10-244-0-7.n.pod.cluster.local", ["10.244.0.7"]),
        ("x.n.svc.cluster.local", ["a.b"]),
        ("none.n.svc.cluster.local", None),
        ("s.other.svc.cluster.local", None),
        ("one.h.n.svc.cluster.local", None),
        ("example.com", None),
        ("s.n.svc.cluster.local.n.svc.cluster.local", None),
    ],
)
def test_names(name: str, answers: list[str] | None) -> None:
    found = dnsnames.lookup(name, dnsmessages.A, SERVICES, SLICES)
    assert (None if found is None else [record.data for record in found]) == answers


def test_a_headless_service_without_ready_pods_has_no_name_yet() -> None:
    assert dnsnames.lookup("h.n.svc.cluster.local", dnsmessages.A, SERVICES, []) is None


def test_ipv6_is_an_empty_answer_not_an_error() -> None:
    assert dnsnames.lookup("s.n.svc.cluster.local", dnsmessages.AAAA, SERVICES, SLICES) == ()


def test_named_ports_have_srv_records() -> None:
    found = dnsnames.lookup("_web._tcp.s.n.svc.cluster.local", dnsmessages.SRV, SERVICES, SLICES)
    assert found is not None
    assert [record.data for record in found] == ["0 100 80 s.n.svc.cluster.local"]


def query(name: str, kind: int = dnsmessages.A) -> bytes:
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + dnsmessages.encoded(name) + struct.pack("!HH", kind, 1)


def test_a_question_is_read_and_answered() -> None:
    question = dnsmessages.parse(query("S.n.svc.cluster.local"))
    assert (question.name, question.kind, question.id) == ("s.n.svc.cluster.local", dnsmessages.A, 7)
    reply = dnsmessages.answer(question, 0, (Record(question.name, dnsmessages.A, "10.96.0.9"),))
    ident, flags, questions, answers = struct.unpack_from("!4H", reply)
    assert (ident, flags & 0x8000, flags & 0xF, questions, answers) == (7, 0x8000, 0, 1, 1)
    assert reply.endswith(bytes([10, 96, 0, 9]))


def test_an_answer_too_long_for_udp_is_cut_and_says_so() -> None:
    question = dnsmessages.parse(query("h.n.svc.cluster.local"))
    records = tuple(Record(question.name, dnsmessages.A, f"10.244.1.{n}") for n in range(60))
    reply = dnsmessages.answer(question, 0, records)
    assert len(reply) <= 512
    assert struct.unpack_from("!2H", reply)[1] & 0x0200
    whole = dnsmessages.answer(question, 0, records, limit=65000)
    assert struct.unpack_from("!4H", whole)[3] == 60


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_a_value_error(message: bytes) -> None:
    try:
        dnsmessages.parse(message)
    except ValueError:
        return


def pod(cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu, "memory": memory}}
    return {"metadata": {}, "spec": {"containers": [{"name": "c", "resources": resources}], **spec}}


OFFERED = {"cpu": "4", "memory": "8Gi"}


@pytest.mark.parametrize(
    ("wanted", "others", "problem"),
    [
        (pod(), [], None),
        (pod("4"), [], None),
        (pod("5"), [], "Insufficient cpu"),
        (pod("3"), [pod("2", nodeName="sandbox")], "Insufficient cpu"),
        (pod("3"), [pod("2")], None),
        (pod(memory="9Gi"), [], "Insufficient memory"),
        (pod(nodeSelector={"kubernetes.io/os": "linux"}), [], None),
        (pod(nodeSelector={"disk": "ssd"}), [], "didn't match"),
    ],
)
def test_what_fits_on_the_node(wanted: dict[str, Any], others: list[dict[str, Any]], problem: str | None) -> None:
    found = nodes.misfit(wanted, others, OFFERED)
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, True),
        ({"nodeName": "x"}, False),
        ({"schedulingGates": [{"name": "g"}]}, False),
        ({"schedulerName": "mine"}, False),
    ],
)
def test_which_pods_wait_for_the_node(spec: dict[str, Any], wanted: bool) -> None:
    assert nodes.is_wanted({"metadata": {}, "spec": spec}) is wanted


def test_a_verdict_needs_its_threshold_and_is_told_once() -> None:
    rules = probes.timing({"failureThreshold": 2, "successThreshold": 2})
    row, told = Row(verdict=False), []
    for healthy in (True, True, True, False, True, False, False, False, True, True):
        row, verdict = probes.counted(row, healthy, rules)
        told.append(verdict)
    assert told == [None, True, None, None, None, None, False, None, None, True]


def test_probe_defaults_are_the_api_servers() -> None:
    rules = probes.timing({})
    assert (rules.initial_delay, rules.period, rules.timeout, rules.successes, rules.failures) == (0, 10, 1, 1, 3)
