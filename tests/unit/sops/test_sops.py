"""The SOPS format: what comes out, and that nothing does when anything was changed."""

import json

import pytest
from encrypting import Encrypter

from gitsync.model.rendersets import InputFile, RenderedObject
from gitsync.render import agekeys, documents, secrets, sops
from gitsync.render.agekeys import AgeKeys
from operator_core.jsonvalues import Object

SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "labels": {"a": "b"}},
    "stringData": {"password": "hunter2", "empty": "", "umlaut": "grün"},
}
REGEX = {"encrypted_regex": "^(data|stringData)$"}


@pytest.fixture(scope="module")
def encrypter() -> Encrypter:
    return Encrypter()


def keys(encrypter: Encrypter) -> AgeKeys:
    return AgeKeys((encrypter.secret,))


def opened(files: dict[str, list[Object]], objects: list[Object], known: AgeKeys) -> secrets.Opened:
    """What becomes of rendered `objects` when the commit has `files`."""
    parsed = {
        path: documents.parse("\n---\n".join(map(json.dumps, bodies)).encode(), is_json=False)
        for path, bodies in files.items()
    }
    rendered = tuple(RenderedObject(body, "s.yaml", 3) for body in objects)
    inputs = [InputFile(path, "b") for path in files]
    return secrets.opened(rendered, inputs, lambda asked: {one.path: parsed[one.path] for one in asked}, known.open_key)


@pytest.mark.parametrize(
    "rules",
    [
        REGEX,
        {"encrypted_suffix": "Data"},
        {"mac_only_encrypted": True, **REGEX},
        {"encrypted_regex": "^stringData$", "mac_only_encrypted": True},
    ],
)
def test_a_secret_comes_out_as_it_went_in(encrypter: Encrypter, rules: Object) -> None:
    closed = encrypter.encrypt(SECRET, **rules)
    assert "hunter2" not in json.dumps(closed)
    found = opened({"s.yaml": closed}, closed, keys(encrypter))
    assert [one.body for one in found.objects] == [SECRET]
    assert found.errors == ()


def test_values_of_every_type_are_decrypted_and_counted(encrypter: Encrypter) -> None:
    document = {"a": "x", "b": 7, "c": True, "d": 2.5, "e": ["one", "two"], "f": None, "g_plain": 2.5, "h_plain": False}
    closed = encrypter.encrypt(document, unencrypted_suffix="_plain")
    values = sops.opened(closed, keys(encrypter).open_key)
    assert sops.substituted({key: closed[0][key] for key in document}, values) == document
    closed[0]["g_plain"] = 3
    with pytest.raises(sops.Unreadable, match="its MAC does not fit"):
        sops.opened(closed, keys(encrypter).open_key)


def test_the_documents_of_one_file_have_one_mac(encrypter: Encrypter) -> None:
    other = {**SECRET, "metadata": {"name": "t"}, "stringData": {"password": "other"}}
    both = encrypter.encrypt(SECRET, other, **REGEX)
    found = opened({"s.yaml": both}, both, keys(encrypter))
    assert [one.body for one in found.objects] == [SECRET, other]
    assert "its MAC does not fit" in opened({"s.yaml": both[:1]}, both[:1], keys(encrypter)).errors[0].message


def test_what_a_tool_made_of_a_secret_is_opened_with_the_file_s_values(encrypter: Encrypter) -> None:
    closed = encrypter.encrypt(SECRET, **REGEX)
    built = {**closed[0], "metadata": {"name": "prefix-s", "namespace": "n"}}
    plain: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    found = opened({"base/s.yaml": closed}, [plain, built], keys(encrypter))
    assert found.objects[0].body == plain
    assert found.objects[1].body == {**SECRET, "metadata": {"name": "prefix-s", "namespace": "n"}}
    foreign = {**built, "stringData": {"password": encrypter.value("forged", "stringData:password:")}}
    problem = opened({"base/s.yaml": closed}, [foreign], keys(encrypter)).errors[0].message
    assert "an encrypted value that its file does not have" in problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda one: one["metadata"].update(name="other"), "its MAC does not fit"),
        (lambda one: one["stringData"].update(password="plain"), "stringData.password should be encrypted and is not"),
        (lambda one: one["stringData"].update(umlaut=one["stringData"]["password"]), "changed or moved"),
        (lambda one: one["stringData"].pop("password"), "its MAC does not fit"),
        (lambda one: one["sops"].update(lastmodified="2027-01-01T00:00:00Z"), "sops.mac was changed or moved"),
        (lambda one: one["sops"].update(mac="ENC[]"), "it has no MAC"),
        (lambda one: one["sops"].update(age=[]), "encrypted for no age key"),
        (lambda one: one["sops"].update(age=[{"enc": "nonsense"}]), "none of the agent's age keys opens it"),
        (lambda one: one["sops"].update(shamir_threshold=2), "shamir_threshold"),
        (lambda one: one["sops"].update(encrypted_comment_regex="x"), "encrypted_comment_regex, which is not"),
        (lambda one: one["sops"].update(encrypted_regex="(a+)+$"), "more than words"),
        (lambda one: one["sops"].update(encrypted_regex="("), "is no regular expression"),
        (lambda one: one.update(kind="ConfigMap"), "only Secrets may be encrypted"),
    ],
)
def test_nothing_comes_out_of_what_was_changed(encrypter: Encrypter, change: object, problem: str) -> None:
    closed = encrypter.encrypt(SECRET, **REGEX)
    change(closed[0])  # type: ignore[operator]
    found = opened({"s.yaml": closed}, closed, keys(encrypter))
    assert found.objects == ()
    assert len(found.errors) == 1
    assert problem in found.errors[0].message
    assert "hunter2" not in str(found) and encrypter.secret not in str(found)
    assert (found.errors[0].file, found.errors[0].line) == ("s.yaml", 3)


def test_another_key_and_none(encrypter: Encrypter) -> None:
    closed = encrypter.encrypt(SECRET, **REGEX)
    other = AgeKeys((Encrypter().secret, "AGE-SECRET-KEY-1NONSENSE"))
    assert "none of the agent's age keys" in opened({"s": closed, "s.yaml": closed}, closed, other).errors[0].message
    assert "the agent has no age key" in opened({"s.yaml": closed}, closed, AgeKeys()).errors[0].message
    assert "no file of the commit" in opened({"s.txt": closed}, closed, keys(encrypter)).errors[0].message


def test_identities_are_found_in_a_key_file_and_never_shown(encrypter: Encrypter) -> None:
    text = f"# created: 2026\n# public key: age1x\n{encrypter.secret}\n"
    assert agekeys.identities_in(text) == (encrypter.secret,)
    assert encrypter.secret not in repr(AgeKeys((encrypter.secret,)))
