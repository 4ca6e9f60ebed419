"""Tokens that the kubelet fetches for pods, from a real API server."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

from gitsync.sandbox.kubelet.podsources import PodSources
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client


class HandClock:
    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


def claims(token: str) -> Object:
    body = token.split(".")[1]
    found: Object = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_a_token_is_bound_to_its_pod_and_renewed_at_four_fifths_of_its_life(client: Client, namespace: str) -> None:
    client.send(requests.create(requests.SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "job"}}))
    spec = {"serviceAccountName": "job", "containers": [{"name": "c", "image": "none"}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    pod = client.send(requests.create(requests.PODS, namespace, body))
    clock = HandClock()
    sources = PodSources(client, clock, pod)
    first = sources.token("", 1000)
    bound = claims(first)["kubernetes.io"]
    assert (bound["pod"]["uid"], bound["serviceaccount"]["name"]) == (pod["metadata"]["uid"], "job")
    assert claims(sources.token("others", 1000))["aud"] == ["others"]
    clock.moment += timedelta(seconds=790)
    assert sources.token("", 1000) == first
    clock.moment += timedelta(seconds=15)
    second = sources.token("", 1000)
    assert second != first
    assert claims(second)["jti"] != claims(first)["jti"]
