"""Requests are values: method, path, parameters, body, and what an answer becomes."""

import json

import pytest

from operator_core.jsonvalues import dig
from operator_core.kube import errors, requests
from operator_core.kube.events import java_hash
from operator_core.kube.requests import DEPLOYMENTS, NAMESPACES, PODS, Request


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (requests.get(PODS, "ns", "a"), ("GET", "/api/v1/namespaces/ns/pods/a", ())),
        (requests.get(NAMESPACES, "ignored", "a"), ("GET", "/api/v1/namespaces/a", ())),
        (
            requests.get(DEPLOYMENTS, "ns", "a", subresource="scale"),
            ("GET", "/apis/apps/v1/namespaces/ns/deployments/a/scale", ()),
        ),
        (
            requests.listing(PODS, labels="app=x", continue_="t"),
            ("GET", "/api/v1/pods", (("labelSelector", "app=x"), ("limit", "500"), ("continue", "t"))),
        ),
        (
            requests.service_proxy("ns", "a-rest:8081", "PATCH", "/jobs/1"),
            ("PATCH", "/api/v1/namespaces/ns/services/a-rest:8081/proxy/jobs/1", ()),
        ),
    ],
)
def test_paths(request_: Request, expected: tuple[str, str, tuple[tuple[str, str], ...]]) -> None:
    assert (request_.method, request_.path, request_.query) == expected


def test_apply_names_manager_and_force() -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "ns"}}
    request = requests.apply(PODS, body, field_manager="gitsync", dry_run=True)
    assert request.query == (("fieldManager", "gitsync"), ("force", "true"), ("dryRun", "All"))
    assert request.content_type == "application/apply-patch+yaml"


def test_delete_carries_preconditions() -> None:
    body = requests.delete(PODS, "ns", "a", uid="u", propagation="Foreground", grace_seconds=0).body
    assert body == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u"},
        "gracePeriodSeconds": 0,
    }


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (422, "Invalid", errors.Invalid),
        (403, "Forbidden", errors.Forbidden),
        (410, "Expired", errors.Gone),
        (500, "InternalError", errors.ServerError),
        (418, "", errors.KubeError),
    ],
)
def test_answers_become_errors_by_consequence(status: int, reason: str, kind: type[errors.KubeError]) -> None:
    error = errors.from_answer(status, json.dumps({"message": "why", "reason": reason}).encode())
    assert type(error) is kind
    assert (error.status, error.message) == (status, "why")


def test_a_namespace_that_is_being_deleted_is_told_apart_from_a_missing_right() -> None:
    causes = [{"reason": "NamespaceTerminating", "message": "namespace ns is being terminated"}]
    body = {"message": "why", "reason": "Forbidden", "details": {"causes": causes}}
    assert type(errors.from_answer(403, json.dumps(body).encode())) is errors.NamespaceEnding


def test_long_messages_are_cut_and_retry_after_is_kept() -> None:
    error = errors.from_answer(429, b"x" * 5000, "7")
    assert len(error.message) < 700
    assert error.after == 7.0


@pytest.mark.parametrize(("text", "value"), [("", 0), ("hello", 99162322), ("Submit😀", 146934683)])
def test_java_hash(text: str, value: int) -> None:
    assert java_hash(text) == value


def test_dig() -> None:
    value = {"a": [{"b": None}, {"b": 2}]}
    assert dig(value, "a", 1, "b") == 2
    assert dig(value, "a", 0, "b", default=5) == 5
    assert dig(value, "a", "b", default=5) == 5
    assert dig(value, "a", 9, default=5) == 5
