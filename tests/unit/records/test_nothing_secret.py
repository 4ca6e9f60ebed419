"""Nothing secret in anything that is told: made-up secrets in manifests, in answers and in errors of others.

Each is planted where people have them; then everything that would leave the agent is looked through for it.
"""

import base64
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitsync.apply import applying
from gitsync.apply.jqpaths import JqPaths
from gitsync.cli import main, previewing
from gitsync.cli import plan as plan_command
from gitsync.git import failures
from gitsync.model import commitstatuses, ledgers, records, statuspages
from gitsync.model.differences import Difference, Kind
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Desired, Plan, Update
from gitsync.model.rendersets import RenderedObject
from gitsync.model.revisions import Revision
from gitsync.model.syncstatuses import Problem, Status
from gitsync.plan import effects, preparing, previews
from gitsync.render import kustomize
from gitsync.report import chats, conditions, differing, forges, notices, recording, status
from gitsync.report.findings import Findings
from gitsync.report.forges import Forge
from gitsync.report.notices import Where
from operator_core import masking
from operator_core.conf.defaults import Defaults
from operator_core.decide import conditions as job_conditions
from operator_core.decide import errortexts
from operator_core.errors import AgentError, Reason, Retry, Stalled
from operator_core.kube import errors, events
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, SECRETS, Request
from operator_core.runtime import logs
from operator_core.runtime.clock import SystemClock

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SHA = "0123456789abcdef" * 2 + "01234567"
APP = AppName("sys", "orders")
MARK = "Qz"
"""How every secret begins, so that none is a word of ours by chance."""
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=24)
SECRETS_OF_PEOPLE = (WORDS | st.text(min_size=6, max_size=12)).map(lambda text: MARK + text)
IN_URLS = st.text(st.sampled_from("abcXYZ019-._~!$&'()*+,;=:%"), min_size=6).map(lambda text: MARK + text)
FEW = settings(max_examples=settings().max_examples // 4)
KEYS = st.sampled_from(
    ["s3.secret-key", "s3.access-key", "fs.azure.account.key.x", "security.ssl.internal.key-password", "my.token",
     "kafka.sasl.jaas.config", "rest.basic-auth", "metrics.reporter.dd.apikey", "DB_PASSWORD", "db-passwd"]
)  # fmt: skip


def flink(secret: str, key: str, image: str = "flink:1.20") -> dict[str, Any]:
    """A job with a secret wherever people put one."""
    container = {
        "name": "flink-main-container",
        "image": image,
        "env": [{"name": "DB_PASSWORD", "value": secret}, {"name": "A", "value": "b"}],
    }
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "orders", "namespace": "n", "uid": "u"},
        "spec": {
            "image": image,
            "flinkVersion": "v1_20",
            "flinkConfiguration": {key: secret},
            "podTemplate": {"spec": {"containers": [container]}},
            "job": {"jarURI": "local:///a.jar", "args": ["--db-password", secret, f"--password={secret}"]},
        },
    }


def of_secret(secret: str) -> dict[str, Any]:
    coded = base64.b64encode(secret.encode()).decode()
    meta = {"name": "db", "namespace": "n"}
    return {
        "apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"a": coded}, "stringData": {"b": secret},
    }  # fmt: skip


def go_quoted(value: object) -> str:
    """A value as Go's encoding/json writes it into a message."""
    text = json.dumps(value)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def answers(body: dict[str, Any], key: str, secret: str) -> Iterator[bytes]:
    """What an API server says of an object that it does not take."""
    for words in (
        f'FlinkDeployment "orders" is invalid: spec.flinkConfiguration[{key}]: Invalid value: {go_quoted(secret)}: no',
        f'.spec.env[name="DB_PASSWORD"].value: expected string, got &value.valueUnstructured{{Value:{secret}}}',
        f"admission webhook refused {go_quoted(body)}",
        f"admission webhook refused {go_quoted(go_quoted(body))}",
        f"{'x' * (errors.MESSAGE_LIMIT - 5)}{secret}",
    ):
        yield json.dumps({"kind": "Status", "message": words, "reason": "Invalid"}).encode()


class Kept:
    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def send(self, request: Request) -> dict[str, Any]:
        self.bodies.append(request.body)
        return {}


def told_of(problem: Problem, revision: Revision, live: dict[Identity, Any]) -> Iterator[str]:
    found = Findings(SHA, None, is_newest=False, problems=(problem,), stalled=True)
    new = status.build(Status(), 1, found, NOW)
    new = new.model_copy(update={"told": notices.told(None, None, new, NOW)})
    yield json.dumps(new.to_json(), ensure_ascii=False)
    record = recording.record("prod", APP, found, new, live, NOW)
    assert record is not None
    yield records.added("", [record])
    ledger = ledgers.updated("", [record], {SHA: revision})
    yield ledger
    yield statuspages.readme("prod", {}, [ledgers.parse(ledger, "prod", "orders")], "https://example.org/a.git")
    line = commitstatuses.of_record(record)
    for kind in forges.KINDS:
        yield json.dumps(forges.request(Forge(kind, "https://api", "t"), "https://example.org/a.git", line).body)
    for notice in notices.between(Where(APP, "prod", revision.repo), Status(), new, record, NOW):
        for to in ("slack", "webhook"):
            listener = chats.read("ops", {"type": to, "url": "https://h", "template": "{{.message}} {{.repository}}"})
            assert isinstance(listener, chats.Listener)
            yield json.dumps(chats.request(listener, notice).body, ensure_ascii=False)
    outcome = previewing.Outcome("a", "b", ".", previews.Preview((), (problem,)))
    yield from shown_plan(outcome)
    kept = Kept()
    recorder = events.Recorder(kept, SystemClock())  # type: ignore[arg-type]
    about = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
    recorder.event(about, "Warning", problem.reason, conditions.problem_text(problem))
    yield json.dumps(kept.bodies, ensure_ascii=False)


def shown_plan(outcome: previewing.Outcome) -> Iterator[str]:
    yield plan_command.table(outcome)
    yield plan_command._markdown(outcome)
    yield json.dumps(outcome.to_json(), ensure_ascii=False)


def logged(error: Exception) -> Iterator[str]:
    try:
        raise error
    except Exception:
        record = logging.LogRecord("x", logging.WARNING, "f", 1, "%s: %s", ("app", error), sys.exc_info())
    yield logs.JsonFormatter().format(record)
    yield logs.TextFormatter("%(message)s").format(record)


def is_in(secret: str, text: str) -> bool:
    forms = {secret, json.dumps(secret)[1:-1], go_quoted(secret)[1:-1], base64.b64encode(secret.encode()).decode()}
    return any(form in text for form in forms)


def desired(body: dict[str, Any]) -> Desired:
    resource = SECRETS if body["kind"] == "Secret" else FLINK_DEPLOYMENTS
    group = body["apiVersion"].rpartition("/")[0]
    return Desired(Identity(group, body["kind"], "n", body["metadata"]["name"]), resource, body, "d", "a.yaml", 1)


def revision_of(words: str) -> Revision:
    return Revision("https://example.org/a.git", "main", SHA, NOW, "dev", words)


@FEW
@given(secret=SECRETS_OF_PEOPLE, key=KEYS, is_secret=st.booleans())
def test_refusals_of_the_api_server(secret: str, key: str, is_secret: bool) -> None:
    body = of_secret(secret) if is_secret else flink(secret, key)
    one = desired(body)
    for answer in answers(body, key, secret):
        error = errors.from_answer(422, answer, sent=body)
        problem = applying.problem_of(one, error)
        for text in (*told_of(problem, revision_of("x"), {one.identity: body}), *logged(error), error.message):
            assert not is_in(secret, text), text


@FEW
@given(secret=IN_URLS)
def test_addresses_of_repositories(secret: str) -> None:
    url = f"https://bob:{secret}@example.org/a.git"
    query = f"https://example.org/a.git?private_token={secret}"
    for said in (url, query, f"remote: use https://{secret}@example.org/ instead"):
        error = failures.unreachable("https://example.org/a.git", f"fatal: unable to access '{said}/': refused")
        problem = Problem(reason=error.reason, message=error.message)
        where = Revision(url, "main", SHA, NOW, "dev", f"Use {url}")
        for text in (*told_of(problem, where, {}), *logged(error), *logged(OSError(f"cannot open {said}"))):
            assert not is_in(secret, text), text


@FEW
@given(secret=IN_URLS, key=KEYS)
def test_exceptions_of_jobs(secret: str, key: str) -> None:
    for said in (f"{key}={secret}", f'{{"{key}":"{secret}"}}', f"Authorization: Bearer {secret}", f"--token {secret}"):
        trace = f"java.lang.RuntimeException: cannot connect, {said}\n\tat A.b(A.java:1)\nCaused by: x.Y: {said}\n"
        conf = {"kubernetes.operator.exception.stacktrace.enabled": "true"}
        text = errortexts.text(errortexts.Problem(errortexts.SERIALIZED, said, trace=trace), conf)
        ready = job_conditions._condition(False, "Failed", said).model_dump_json()
        for told in (text, ready, *told_of(Problem(reason="Degraded", message=trace), revision_of(said), {})):
            assert not is_in(secret, told), told


@FEW
@given(old=SECRETS_OF_PEOPLE, new=SECRETS_OF_PEOPLE, key=KEYS)
def test_plans_and_differences(old: str, new: str, key: str) -> None:
    def side(secret: str, image: str) -> preparing.Prepared:
        bodies = (flink(secret, key, image), of_secret(secret))
        rendered = tuple(RenderedObject(body, "a.yaml", 1) for body in bodies)
        return preparing.prepare(rendered, previews.offline_kinds(rendered), APP, preparing.Place("n"))

    before, after = side(old, "flink:1"), side(new, "flink:2")
    texts = list(shown_plan(previewing.Outcome("a", "b", ".", previews.between(before, after, Defaults({})))))
    live = {one.identity: one.body for one in before.desired}
    by_path = tuple(Update(one, _differences(one, live), adopts=False) for one in after.desired)
    whole = Plan(SHA, by_path, (), (), ())
    texts += [json.dumps(row.to_json(), ensure_ascii=False) for row in differing.differences(whole, live)]
    texts += [problem.message for problem in effects.rejections(whole, live, Defaults({}))]
    assert len(texts) >= 4
    for text in texts:
        assert not is_in(old, text) and not is_in(new, text), text


def _differences(one: Desired, live: dict[Identity, Any]) -> tuple[Any, ...]:
    """Each way of telling a difference: by leaves, by an item of a list, by a whole that is not ours yet."""
    if one.identity.kind == "Secret":
        return (Difference(("data", "a"), Kind.changed),)
    env = ("spec", "podTemplate", "spec", "containers", "[name=flink-main-container]", "env", "[name=DB_PASSWORD]")
    return (
        Difference(("spec", "job", "args"), Kind.changed),
        Difference((*env, "value"), Kind.changed),
        Difference(("spec", "flinkConfiguration"), Kind.missing),
        Difference(("spec", "podTemplate"), Kind.missing),
    )


@FEW
@given(secret=IN_URLS)
def test_words_of_kustomize(secret: str) -> None:
    """As Kustomize 5.8 says them."""
    quoted = (
        f"Error: trouble configuring builtin PatchTransformer with config: `\npatch: |\n  bad: [{secret}\n`: "
        f'unable to parse SM or JSON patch from [patch: "bad: [{secret}"]'
    )
    listed = (
        f"Error: loading KV pairs: literal sources [user={secret} {secret}]: "
        f"invalid literal source {secret}, expected key=value"
    )
    for said in (quoted, listed):
        found = kustomize.explained(said, ()).message
        assert not is_in(secret, found)
        assert "unable to parse SM or JSON patch" in found or "expected key=value" in found


def test_words_of_jq() -> None:
    paths = JqPaths()
    try:
        for expression in (".stringData.b | tonumber", ".stringData.b.c", "error(.stringData.b)"):
            with pytest.raises(Stalled) as caught:
                paths.select(expression, of_secret("Qzhunter2"))
            assert "Qzhun" not in caught.value.message and expression in caught.value.message
    finally:
        paths.close()


def test_the_command_line_says_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Retry(Reason.RepositoryUnreachable, "cannot read https://bob:Qzhunter2@example.org/a.git")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main.cli, "main", fails)
        assert main.run([]) == 3
    assert "Qzhunter2" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "apps/secret.yaml:2: the Secret database stays encrypted",
        "kind Secret: namespaceResourceWhitelist does not have it",
        'imagePullSecrets: [{"name": "x"}], "secretKeyRef": {"name": "x", "key": "k"}',
        "abfss://container@account.dfs.core.windows.net/savepoints",
    ],
)
def test_what_only_sounds_secret_is_told(text: str) -> None:
    assert masking.masked(text) == text


def test_a_config_map_is_told_as_it_is() -> None:
    one = Desired(Identity("", "ConfigMap", "n", "a"), CONFIG_MAPS, {"data": {"a": "new"}}, "d", "a.yaml", 1)
    error: AgentError = errors.from_answer(422, b'metadata.name: Invalid value: "Foo_Bar": a lowercase name', sent={})
    assert applying.problem_of(one, error).message == 'metadata.name: Invalid value: "Foo_Bar": a lowercase name'
