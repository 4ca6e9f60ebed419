"""Files of variables that SOPS encrypted, in the Secrets that a secretGenerator makes of them."""

import base64

import pytest
from encrypting import Encrypter

from gitsync.model.rendersets import RenderedObject
from gitsync.render import agekeys, secrets
from gitsync.render.agekeys import AgeKeys
from operator_core.jsonvalues import Json, Object

ONE = Encrypter()


def file_of(variables: dict[str, str], **rules: Json) -> str:
    """A file of variables as sops writes it."""
    document = ONE.encrypt(dict(variables), **rules)[0]
    metadata = document.pop("sops")
    lines = ["#ENC[AES256_GCM,data:x,iv:x,tag:x,type:comment]", *(f"{key}={value}" for key, value in document.items())]
    (entry,) = metadata.pop("age")
    lines += [f"sops_age__list_0__map_{key}={value}" for key, value in entry.items()]
    lines += [f"sops_{key}={str(value).lower() if value is True else value}" for key, value in metadata.items()]
    return "".join(line.replace("\n", "\\n") + "\n" for line in lines)


def made_of(*files: str, **literals: str) -> Object:
    """What Kustomize makes of them: no order, no comments, the last one wins."""
    found: dict[str, str] = dict(literals)
    for text in files:
        found |= dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    data = {key: base64.b64encode(one.encode()).decode() for key, one in sorted(found.items())}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made"}, "data": data}


def opened(body: Object, *files: str, keys: AgeKeys | None = None) -> tuple[dict[str, str], str]:
    known = keys or AgeKeys((ONE.secret,))
    found = secrets.opened(
        (RenderedObject(body, "k.yaml", 1),), (), lambda _: {}, known.open_key, lambda: [one.encode() for one in files]
    )
    data = found.objects[0].body["data"] if found.objects else {}
    return {key: base64.b64decode(one).decode() for key, one in data.items()}, "; ".join(map(str, found.errors))


def test_variables_in_plain_without_what_sops_knows_of_them() -> None:
    variables = {"USER": "ada", "PASSWORD": "a=b c", "EMPTY": "", "LINES": "one\ntwo", "HOST_unencrypted": "h"}
    text = file_of(variables, unencrypted_suffix="_unencrypted")
    found, told = opened(made_of(text, other="literal"), "not sops\n", text)
    assert told == ""
    assert found == {**variables, "LINES": "one\\ntwo", "other": "literal"}


def test_the_order_of_the_file_counts_for_the_mac_and_not_that_of_the_secret() -> None:
    text = file_of({"ZED": "1", "ALPHA": "2"}, mac_only_encrypted=True)
    assert opened(made_of(text), text) == ({"ZED": "1", "ALPHA": "2"}, "")
    lines = text.splitlines(keepends=True)
    swapped = "".join([lines[2], lines[1], *lines[3:]])
    assert "its MAC does not fit" in opened(made_of(swapped), swapped)[1]


def test_files_that_were_merged_into_one_secret() -> None:
    base, overlay = file_of({"A": "1", "B": "base"}), file_of({"B": "overlay", "C": "3"})
    assert opened(made_of(base, overlay), base, overlay) == ({"A": "1", "B": "overlay", "C": "3"}, "")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text.replace("PORT_unencrypted=1", "PORT_unencrypted=2"), "its MAC does not fit"),
        (lambda text: text.replace("PASSWORD=", "PASSWORT="), "its PASSWORT was changed or moved"),
        (lambda text: text + "PORT_unencrypted=1\n", "must not name PORT_unencrypted twice"),
        (lambda text: text + "sops=1\n", "nor a variable sops"),
        (lambda text: text + "broken\n", "a line without '='"),
        (lambda text: text.replace("sops_age__", "sops_pgp__"), "it is encrypted for no age key"),
        (lambda text: text + "sops_shamir_threshold=2\n", "shamir_threshold"),
        (lambda text: text.replace("sops_mac=", "sops_made="), "PASSWORD is in no encrypted file"),
    ],
)
def test_a_file_that_was_changed_gives_nothing(change, problem: str) -> None:  # type: ignore[no-untyped-def]
    good = file_of({"PASSWORD": "secret", "PORT_unencrypted": "1"}, unencrypted_suffix="_unencrypted")
    changed = change(good)
    assert changed != good
    found, told = opened(made_of(good), changed)
    assert found == {} and problem in told
    assert "secret" not in told.replace("the Secret", "")


def test_a_file_that_is_not_in_the_commit_and_a_key_that_is_not_here() -> None:
    text, other = file_of({"A": "1"}), file_of({"A": "2"})
    assert "its variable A is in no encrypted file of the commit" in opened(made_of(text), other)[1]
    plain = file_of({"A_unencrypted": "1"}, unencrypted_suffix="_unencrypted")
    assert "the MAC of a file of variables that is not in the commit" in opened(made_of(plain))[1]
    assert opened(made_of(plain), plain) == ({"A_unencrypted": "1"}, "")
    strange = AgeKeys(agekeys.identities_in(Encrypter().secret))
    assert opened(made_of(text), text, keys=strange)[0] == {}
