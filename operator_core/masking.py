"""What may be told of a text or an object: never the value of a secret.

Pure. Everything that leaves the agent for people (conditions, events, records, log lines, what a command prints)
goes through `masked`, which knows how secrets look in words of others: credentials in URLs, values beside a name
that sounds secret (the names of Flink's `GlobalConfiguration` among them), flags, bearer tokens, private keys.
`values_of` knows the secrets of one object, so that they can be taken out of what is said about it. Too much is
hidden rather than too little.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator

from operator_core.jsonvalues import Json, Object

HIDDEN = "***"
_SHORTEST = 4
"""Shorter values are in every other word: taking them out would leave no text."""
_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|credential"
    r"|(?:access|account|api|private|service|storage)[._-]?key"
    r"|auth[._-]?params|basic[._-]?auth|jaas[._-]?config|http[._-]?headers"
)
_NAME = re.compile(rf"[\w.-]*(?:{_NAMES})[\w.-]*", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:name|ref|path|file|dir|directory|class|provider|type|seconds|enabled|s)$", re.IGNORECASE)
"""Ends of names that sound secret and say where a secret is, or how many there are."""
_QUOTED = r"(?P<quote>\\*[\"']).*?(?:(?<!\\)(?P=quote)|\Z)"
_BARE = r"(?:[^\s,;]|[,;](?!\s|\Z))+"
_MASKED = r"\*\*\*(?=[\s,;:.)\]}\"']|\Z)"
_USER_OF_URL = re.compile(
    r"(?P<scheme>(?<![a-z0-9+.-])(?!(?:abfss?|wasbs?)://[^:@/\s]*@)[a-z][a-z0-9+.-]*://)[^/\s\"<>]*@", re.I
)
_NO_NAME = r"(?-i:Secrets?):\s|(?<=/)(?-i:Secret):|[\w.-]*\.(?:ya?ml|json|tpl|txt|env|properties):\d"
"""The kind in a sentence or in an id, and the place in a file, are no names of values."""
_STRUCTURE = r"[{\[]\s*(?:[{\[]|\\*\"?\w+\\*\"?\s*:)"
_NAMED = re.compile(
    rf"(?P<name>(?<![\w.-])(?!{_NO_NAME})[\w.-]*(?:{_NAMES})[\w.-]*[\])]?(?:\\*[\"'])?[\])]?\s*(?:=>|[:=])\s*)"
    rf"(?P<said>(?:Invalid|Unsupported|Duplicate) value:\s*)?(?!{_STRUCTURE})(?:{_MASKED}|{_QUOTED}|{_BARE})",
    re.IGNORECASE | re.DOTALL,
)
_FLAG = re.compile(rf"(?P<name>(?<![\w-])--?[\w.-]*(?:{_NAMES})[\w.-]*\s+)(?!-)[^\s]+", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"(?P<name>authorization\\*[\"']?\s*[:=]\s*\\*[\"']?)(?:\w+\s+)?[^\s\"'\\,;]+", re.I)
_BEARER = re.compile(r"(?P<name>\bBearer\s+)[\w.~+/=-]{8,}")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_AGE_KEY = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")
_TYPED_VALUE = re.compile(r"&?value\.valueUnstructured\{Value:.*?\}+", re.DOTALL)
"""How a server-side apply quotes a value of the wrong type, whatever field it is of."""
_NAMED_FORMS = (_AUTHORIZATION, _BEARER, _FLAG)


def masked(text: str) -> str:
    """`text` without what looks like a secret in it. Masking twice is masking once."""
    text = _KEY_BLOCK.sub(HIDDEN, _AGE_KEY.sub(HIDDEN, text))
    text = _TYPED_VALUE.sub("another type", without_credentials(text))
    for form in _NAMED_FORMS:
        text = form.sub(rf"\g<name>{HIDDEN}", text)
    return _NAMED.sub(lambda found: found["name"] + (found["said"] or "") + HIDDEN, text)


def without_credentials(text: str) -> str:
    """`text` with the user part of every URL in it taken out."""
    return _USER_OF_URL.sub(r"\g<scheme>", text)


def sounds_secret(name: str) -> bool:
    """Whether a value under this name is one that nobody should see."""
    return _NAME.fullmatch(name) is not None


def without(text: str, values: Iterable[str]) -> str:
    """`text` with every one of `values` taken out, the longest first, also as JSON or Go write it in quotes."""
    forms = {form for value in values for form in _forms(value)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _forms(value: str) -> Iterator[str]:
    quoted = json.dumps(value)[1:-1]
    in_go = quoted.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
    for form in (value, quoted, in_go, json.dumps(value, ensure_ascii=False)[1:-1]):
        yield form
        yield json.dumps(form)[1:-1]


def hidden(value: Json) -> Json:
    """A copy of a JSON value without the secrets that `values_of` finds in it, whatever their length."""
    if isinstance(value, list):
        return [HIDDEN if _follows_flag(value, number) else hidden(item) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {key: HIDDEN if _is_hidden(value, key) else hidden(item) for key, item in value.items()}


def values_of(body: Json) -> frozenset[str]:
    """The secret values in a manifest: of a Secret all, else what stands under a name that sounds secret.

    As they are written, and decoded where a Secret holds them in base64.
    """
    return frozenset(value for value in _secrets(body, whole=False) if len(value) >= _SHORTEST)


def _secrets(value: Json, *, whole: bool) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _secrets(item, whole=whole or _follows_flag(value, number))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secrets(item, whole=whole or _is_hidden(value, key))
    elif whole and value is not None and not isinstance(value, bool):
        yield str(value)
        yield from _decoded(value)


def _follows_flag(items: list[Json], number: int) -> bool:
    """Whether an argument is the value of a flag that sounds secret."""
    flag = items[number - 1] if number else None
    return isinstance(flag, str) and flag.startswith("-") and "=" not in flag and sounds_secret(flag)


def _is_hidden(fields: Object, key: str) -> bool:
    """Whether all of a field is secret; one that only names where a secret is, is not."""
    if fields.get("kind") == "Secret" and fields.get("apiVersion") == "v1" and key in ("data", "stringData"):
        return True
    if key == "value" and sounds_secret(str(fields.get("name", ""))):
        return True
    return sounds_secret(key) and not _REFERENCE.search(key) and not isinstance(fields[key], dict | list)


def _decoded(value: Json) -> Iterator[str]:
    try:
        yield base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, ValueError):
        return
